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
// to a page of Omniboard is.
function refused(request) {
  const {host = '', origin, 'sec-fetch-site': site, 'sec-fetch-dest': destination} = request.headers;
  const link = destination === 'document' && request.method === 'GET' && !request.url.includes('/api/');
  return !LOCAL.includes(host.replace(/:\d+$/, '')) || (origin && origin !== `http://${host}`) ||
    (site && site !== 'same-origin' && site !== 'none' && !link);
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
    if (event === 'request' && refused(request)) {
      response.writeHead(403, {'Content-Type': 'text/plain'});
      response.end('Only pages from this machine are answered.');
      return true;
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
