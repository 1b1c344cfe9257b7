// Loaded before Omniboard, which by itself listens on every network interface, moves to the next port where its own is
// taken, reads its password from the command line (which all users of the machine can see) and answers any web page.
'use strict';

const net = require('net');

const LOCAL = ['127.0.0.1', 'localhost', '[::1]'];

// Omniboard's option -u, from the environment.
if (process.env.OMNIBOARD_USER) {
  process.argv.push('-u', process.env.OMNIBOARD_USER);
  delete process.env.OMNIBOARD_USER;
}

// Standard input is a pipe from the one who started this: it closes when that process is gone, however it went.
process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume();

// Another web page in the user's browser may send requests here, too: by a name of its own that leads to this machine
// (Host), openly (Origin), or for pictures and scripts (which browsers tell by Sec-Fetch-Site). None is answered; a link
// to the page of Omniboard is, by its one address (Express takes any capitals in others).
function refused(request) {
  const {host = '', origin, 'sec-fetch-site': site, 'sec-fetch-dest': destination} = request.headers;
  const link = destination === 'document' && request.method === 'GET' && /^\/(sacred\/?)?(\?|$)/.test(request.url);
  return !LOCAL.includes(host.replace(/:\d+$/, '')) || (origin && origin !== `http://${host}`) ||
    (site && site !== 'same-origin' && site !== 'none' && !link);
}

// What runs hold is shown and never executed. Omniboard puts the names of metrics into its page as HTML, and shows HTML
// files of runs in a frame, as if they were pages of its own: the page takes scripts from its own files only, and what
// the interface answers (files, by whatever capitals) is a page without scripts, requests and rights, of no origin.
const PAGE = "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
  "font-src 'self' data:; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";
const DATA = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; media-src data:; " +
  "frame-ancestors 'self'";

function guarded(request, response) {
  const page = /^\/((sacred\/?)?|favicon\.ico|first_visit\.js|static\/[\w./-]+)(\?|$)/.test(request.url);
  response.setHeader('Content-Security-Policy', page ? PAGE : DATA);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
}

// A file that is not there (any more) must not end it for all: Omniboard throws where nobody catches.
let listening = false;
process.on('uncaughtException', error => {
  console.error(error);
  if (!listening) {
    process.exit(1);
  }
});

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  const emit = this.emit;
  this.emit = function (event, request, response) {
    if (event === 'request') {
      guarded(request, response);
      if (refused(request)) {
        response.writeHead(403, {'Content-Type': 'text/plain'});
        response.end('Only pages from this machine are answered.');
        return true;
      }
    }
    return emit.apply(this, arguments);
  };
  this.once('listening', () => {
    listening = true;
  });
  this.once('error', error => {
    console.error(error.message);
    process.exit(1);
  });
  return listen.call(this, {port: Number(port), host: '127.0.0.1'}, ...rest.filter(each => typeof each === 'function'));
};
