"""The real Omniboard over a real MongoDB, asked by its REST interface and looked at in a real browser."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.index import Registry
from registry.mongo.address import address, opened
from registry.mongo.mongod import binary, free_port
from registry.mongo.sync import sync
from registry.omniboard import columns
from registry.omniboard.install import LOCKFILE, OmniboardError, install, program
from registry.omniboard.server import Omniboard, require_free
from tests.mongod import Mongod
from tests.sealed import change, sealed

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]

#: What the pages looked like, kept after the tests.
SCREENSHOTS = ROOT / ".tox" / "screenshots"


@pytest.fixture(scope="module")
def place() -> Path:
    """Where Omniboard is, installed now if it was not."""
    for name in ("node", "npm"):
        if shutil.which(name) is None and not os.environ.get("CI"):
            pytest.skip(f"no {name} on the PATH")
    return install()


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    server = Mongod(tmp_path_factory.mktemp("mongod"))
    yield server
    server.stop()


def python(*words: str, home: Path, **environment: str) -> dict[str, Any]:
    """How the project's programs are started in these tests."""
    return {
        "args": [sys.executable, "-m", *words],
        "cwd": home.parent,
        "env": {
            **{name: value for name, value in os.environ.items() if name != "CAVL_MONGO_URI"},
            "CAVL_HOME": str(home),
            "CAVL_DATA": str(home.parent / "data"),
            "PYTHONPATH": str(ROOT),
            **environment,
        },
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
    }


@pytest.fixture(scope="module")
def lab(mongod: Mongod, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with runs that came by both ways: while they went on, and by a later sync."""
    home = tmp_path_factory.mktemp("lab") / "runs"
    uri = f"{mongod.uri}/lab"
    words = ("with", "preset=smoke")
    live = python("benchmarks.tasks.localization", *words, "ordering=c1", home=home, CAVL_MONGO_URI=uri)
    done = subprocess.run(**live)
    assert done.returncode == 0, done.stdout
    done = subprocess.run(
        **python("benchmarks.tasks.localization", *words, "method=full-frame", "ordering=none", home=home)
    )
    assert done.returncode == 0, done.stdout
    assert [r.pedigree.task for r in Registry(home).records()] == ["pretrain", "localization", "localization"]
    with opened(address(uri)) as store:
        assert store.runs.count_documents({}) == 2, "those that appeared while they went on"
    done = subprocess.run(**python("registry", "sync", "--mongo", uri, home=home))
    assert done.returncode == 0, done.stdout
    assert "1 new" in done.stdout
    return uri


@contextlib.contextmanager
def started(*words: str, home: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """``cavl-bench runs omniboard``, once it has printed its address."""
    home.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(**python("registry", "omniboard", *words, home=home, **environment))
    try:
        told = ""
        assert process.stdout is not None
        for line in process.stdout:
            told += line
            if "Ctrl-C ends it" in line:
                break
        assert process.poll() is None, told
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def get(port: int, path: str = "/", patience: float = 20, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=patience) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_rest_interface_shows_runs_columns_metrics_and_files(place, lab):
    with opened(address(lab)) as store:
        assert columns.set_up(store)
        assert not columns.set_up(store), "once"
    with Omniboard(place, address(lab), free_port()) as board:
        assert board.ask("Runs/count") == {"count": 3}
        runs = {run["_id"]: run for run in board.ask("Runs")}
        assert [runs[i]["config"]["method"] for i in (1, 2, 3)] == ["cavl", "cavl", "full-frame"]
        assert {run["status"] for run in runs.values()} == {"COMPLETED"}
        assert runs[3]["result"]["score"] >= 0
        names = {column["name"] for column in board.ask("Omniboard.Custom.Columns")}
        assert names == {"task", "method", "ordering", "seed", "preset", "score"}
        assert {c["metric_name"] for c in board.ask("Omniboard.Metric.Columns")} == {"loss", "pointing"}
        (chosen,) = [run for run in board.ask("Runs?select=_id,last_loss") if run["_id"] == 1]
        (loss,) = [m for m in board.ask('Metrics?query={"run_id":1}') if m["name"] == "loss"]
        assert loss["steps"] == list(range(1, len(loss["steps"]) + 1))
        assert chosen["last_loss"] == loss["values"][-1]
        picture = next(a for a in runs[2]["artifacts"] if a["name"] == "examples.png")
        status, content = get(board.port, f"/sacred/api/v1/files/preview/{picture['file_id']}/examples.png")
        assert (status, content[:8]) == (200, b"\x89PNG\r\n\x1a\n")
        status, sources = get(board.port, "/sacred/api/v1/files/source/2")
        assert "tasks/localization.py" in {f["filename"].rpartition("benchmarks/")[2] for f in json.loads(sources)}


@pytest.fixture
def page() -> Iterator[Any]:
    """A page of a real Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    browser = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
    if browser is None:
        pytest.skip("no Chromium on the PATH")
    with playwright.sync_playwright() as driver:
        # As root (in containers) Chromium starts without its sandbox only.
        chromium = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        context = chromium.new_context(
            viewport={"width": 1400, "height": 800}, http_credentials={"username": "ada", "password": "lovelace"}
        )
        opened_page = context.new_page()
        opened_page.set_default_timeout(60_000)
        yield opened_page
        chromium.close()


def test_the_page_shows_our_columns_a_curve_and_a_picture(place, lab, page, tmp_path):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    port = free_port()
    words = ("--mongo", lab, "--port", str(port), "--user", "ada")
    with started(*words, home=tmp_path / "runs", CAVL_OMNIBOARD_PASSWORD="lovelace"):
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector('[test-attr="cell-row_expander-2"]')
        heads = [h.inner_text() for h in page.query_selector_all('[test-attr^="header-sort-"]')]
        wanted = ["Id", "Task", "Method", "Ordering", "Seed", "Preset", "Status", "Score", "Last Loss", "Last Pointing"]
        assert heads == [*wanted, "Tags", "Notes"]
        shown = page.inner_text("body")
        for words_of_a_run in ("pretrain\ncavl\nc1\n1\nsmoke\nCOMPLETED", "localization\nfull-frame\n"):
            assert words_of_a_run in shown
        page.screenshot(path=SCREENSHOTS / "omniboard_runs.png")

        page.click('[test-attr="cell-row_expander-2"]')  # the oldest run, which trained
        page.wait_for_selector("path.js-line")
        assert "loss" in page.locator(".legendtext").all_text_contents()
        line = page.locator("path.js-line").first.get_attribute("d")
        assert line.count("L") >= 3, "a point for each measurement"
        page.screenshot(path=SCREENSHOTS / "omniboard_metrics.png")

    port = free_port()
    with started(*words[:2], "--port", str(port), home=tmp_path / "runs"):
        page.goto(f"http://127.0.0.1:{port}/")
        page.click('[test-attr="cell-row_expander-1"]')
        page.click("a:has-text('Artifacts')")
        page.click("text=examples.png")
        page.wait_for_function(
            "Array.from(document.images).some(i => i.src.includes('examples.png') && i.naturalWidth > 300)"
        )
        page.screenshot(path=SCREENSHOTS / "omniboard_artifact.png")
        with hostile(lab) as (run, victim, file):
            look_at_what_is_hostile(page, f"http://127.0.0.1:{port}", run, file)
            assert victim_is_there(lab, victim)


#: What a browser would run wherever it took it for a page; it would delete the other run.
SCRIPT = "(top || window).document.title = 'obeyed'; fetch('/sacred/api/v1/Runs/{victim}', {{method: 'DELETE'}})"


@contextlib.contextmanager
def hostile(lab: str) -> Iterator[tuple[int, int, Any]]:
    """In the database for a while: a run whose every word is markup, and another; (number, other number, file)."""
    with opened(address(lab)) as store:
        whole = store.runs.find_one({"_id": 1})
        run, victim = 101, 102
        script = SCRIPT.format(victim=victim)
        handler = f'<img src="/nowhere" onerror="{script}">'
        file = store.files.put(f"<p>harmless</p><script>{script}</script>{handler}".encode(), filename="a.html")
        names = [handler, f"<script>{script}</script>", f'<a href="javascript:{script}">name</a>']
        points = store.metrics.find_one({"run_id": 1}, {"_id": 0})
        made = [store.metrics.insert_one({**points, "run_id": run, "name": name}).inserted_id for name in names]
        metrics = [{"name": name, "id": str(id)} for name, id in zip(names, made, strict=True)]
        told = {"config": {**whole["config"], handler: handler, "method": handler}, "info": {"metrics": metrics}}
        store.runs.insert_one({**whole, "_id": victim})
        store.runs.insert_one({**whole, **told, "_id": run, "artifacts": [{"name": "a.html", "file_id": file}]})
        try:
            yield run, victim, file
        finally:
            store.runs.delete_many({"_id": {"$in": [run, victim]}})
            store.metrics.delete_many({"run_id": run})
            store.files.delete(file)


def victim_is_there(lab: str, victim: int) -> bool:
    with opened(address(lab)) as store:
        return store.runs.find_one({"_id": victim}) is not None


def look_at_what_is_hostile(page: Any, site: str, run: int, file: Any) -> None:
    """At every place where Omniboard shows the names and files of a run; by links from another site, too."""
    page.goto(site)
    page.click('[test-attr="cell-row_expander-1"]')
    page.wait_for_selector("path.js-line")
    page.click("#plot-metric-names button")
    assert page.locator("#plot-metric-names li", has_text="<img src=").count() == 1, "its letters, not a picture"
    page.screenshot(path=SCREENSHOTS / "omniboard_hostile.png")
    page.click("a:has-text('Artifacts')")
    page.click("text=a.html")
    page.frame_locator("iframe").locator("text=harmless").wait_for()
    page.wait_for_timeout(500)  # for what must not happen
    assert page.title() == "Omniboard"
    page.route("http://elsewhere.example/*", lambda route: route.fulfill(body=elsewhere, content_type="text/html"))
    for path, answered in (("/sacred", True), (f"/sacred/API/v1/files/preview/{file}/a.html", False)):
        elsewhere = f'<a href="{site}{path}">link</a>'
        page.goto("http://elsewhere.example/")
        page.click("text=link")
        page.wait_for_url(f"{site}{path}")
        page.wait_for_selector('[test-attr="cell-row_expander-1"]' if answered else "text=Only pages from this machine")


def test_only_this_machine_and_its_own_pages_are_answered(place, lab):
    with Omniboard(place, address(lab), free_port()) as board:
        here = f"127.0.0.1:{board.port}"
        assert get(board.port, "/sacred/api/v1/Runs/count")[0] == 200
        assert get(board.port, "/sacred/api/v1/Runs/count", Origin=f"http://{here}")[0] == 200
        assert get(board.port, "/sacred/api/v1/Runs/count", Host="localhost:9001")[0] == 200, "through a tunnel"
        assert get(board.port, "/sacred/api/v1/Runs/count", Origin="http://evil.example")[0] == 403
        assert get(board.port, "/sacred/api/v1/Runs/count", Host="evil.example")[0] == 403, "DNS rebinding"
        for address_of_it in ("/sacred/api/v1/Runs/count", "/"):
            assert get(board.port, address_of_it, **{"Sec-Fetch-Site": "cross-site"})[0] == 403, "a picture, a script"
        link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
        assert get(board.port, "/", **link)[0] == 200
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(f"http://{here}/sacred/API/v1/Runs", headers=link))
        assert refused.value.headers["Content-Security-Policy"].startswith("sandbox"), "of refusals, too"
        assert get(board.port, "/sacred/api/v1/Runs/count", **link)[0] == 403
        bound = {f"{a}:{int(p, 16)}" for a, p in _listeners() if int(p, 16) == board.port}
        assert bound == {f"0100007F:{board.port}"}, "127.0.0.1 only"


def test_a_file_that_is_gone_does_not_end_it(place, lab):
    with Omniboard(place, address(lab), free_port()) as board:
        with contextlib.suppress(OSError):
            get(board.port, f"/sacred/api/v1/files/preview/{'0' * 24}/gone.png", patience=3)
        assert board.ask("Runs/count") == {"count": 3}


def _listeners() -> list[list[str]]:
    """Local address and port, hexadecimal, of the sockets that listen on this machine."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    return [words[1].split(":") for words in lines if words[3] == "0A"]


def test_a_password_is_asked_for_and_not_on_the_command_line(place, lab, tmp_path):
    port = free_port()
    words = ("--mongo", lab, "--port", str(port), "--user", "ada")
    with started(*words, home=tmp_path / "runs", CAVL_OMNIBOARD_PASSWORD="lovelace"):
        assert get(port, "/sacred/api/v1/Runs/count")[0] == 401
        wrong = base64.b64encode(b"ada:wrong").decode()
        assert get(port, "/sacred/api/v1/Runs/count", Authorization=f"Basic {wrong}")[0] == 401
        right = base64.b64encode(b"ada:lovelace").decode()
        assert get(port, "/sacred/api/v1/Runs/count", Authorization=f"Basic {right}")[0] == 200
        told = list(_command_lines())
        assert any(b"loopback.js" in line for line in told)
        assert not any(b"lovelace" in line for line in told)
    with pytest.raises(OmniboardError, match="colon"):
        Omniboard(place, address(lab), free_port(), ("ada", "love:lace"))
    refused = subprocess.run(
        **python("registry", "omniboard", *words, home=tmp_path / "runs"), stdin=subprocess.DEVNULL
    )
    assert refused.returncode == 2
    assert "CAVL_OMNIBOARD_PASSWORD" in refused.stdout


def _command_lines() -> Iterator[bytes]:
    """Of all processes."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            yield process.read_bytes()


def test_a_port_that_is_taken_is_said_and_no_other_one_taken(place, lab, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        words = ("omniboard", "--mongo", lab, "--port", str(port))
        done = subprocess.run(**python("registry", *words, home=tmp_path / "runs"))
        assert done.returncode == 2
        assert f"cannot use port {port}" in done.stdout
        assert "--port names another" in done.stdout
        assert not listening(port + 1)
    for none in (70_000, 0, -1):
        with pytest.raises(OmniboardError, match="--port takes 1 to 65535"):
            require_free(none)


def test_a_database_that_is_away_is_said_at_once(place, tmp_path):
    uri = f"mongodb://user:geheim@127.0.0.1:{free_port()}/lab"
    words = ("omniboard", "--mongo", uri, "--port", str(free_port()))
    done = subprocess.run(**python("registry", *words, home=tmp_path / "runs"))
    assert done.returncode == 2
    assert "cannot be reached" in done.stdout
    assert "geheim" not in done.stdout


def local_environment() -> dict[str, str]:
    found = binary()
    assert found is not None
    return {"PATH": f"{found.parent}{os.pathsep}{os.environ['PATH']}"}


def test_local_needs_no_server_and_shows_new_runs(place, tmp_path):
    home, port = tmp_path / "runs", free_port()
    run = ("benchmarks.tasks.localization", "with", "preset=smoke")
    done = subprocess.run(**python(*run, "method=full-frame", "ordering=none", home=home))
    assert done.returncode == 0, done.stdout
    with started("--local", "--port", str(port), home=home, **local_environment()) as process:
        assert json.loads(get(port, "/sacred/api/v1/Runs/count")[1]) == {"count": 1}
        again = subprocess.run(
            **python("registry", "omniboard", "--local", "--port", str(free_port()), home=home, **local_environment())
        )
        assert again.returncode == 2
        assert f"process {process.pid}" in again.stdout
        mongod = int((home / ".mongodb/data/mongod.lock").read_text())
        assert ports_of(mongod) == set(), "other users of the machine find no door"
        (door,) = doors_of(mongod)
        assert stat.S_IMODE(door.parent.stat().st_mode) == 0o700
        os.kill(mongod, signal.SIGSTOP)  # busy for longer than anybody waits for an answer
        done = subprocess.run(**python(*run, "method=centred-square", "ordering=none", home=home))
        assert done.returncode == 0, done.stdout
        time.sleep(5)
        os.kill(mongod, signal.SIGCONT)
        assert _until(lambda: json.loads(get(port, "/sacred/api/v1/Runs/count")[1]) == {"count": 2})
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=60)[0]
        assert process.returncode == 0, told
        assert "the runs are where they were" in told
        assert not listening(port)
    with started("--local", "--port", str(port), home=home, **local_environment()) as process:
        process.kill()  # nothing of ours may stay behind
        process.wait()
        assert _until(lambda: not listening(port))
        assert _until(lambda: not any(str(home).encode() in line for line in _command_lines()))
    assert not list(home.glob(".mongodb/data/*.lock")) or not (home / ".mongodb/data/mongod.lock").read_text()


def ports_of(process: int) -> set[str]:
    """On which TCP ports a process listens, hexadecimal."""
    sockets = {os.readlink(file) for file in Path(f"/proc/{process}/fd").iterdir() if file.is_symlink()}
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    return {words[1] for words in lines if words[3] == "0A" and f"socket:[{words[9]}]" in sockets}


def doors_of(process: int) -> set[Path]:
    """The named sockets of a process."""
    sockets = {os.readlink(file) for file in Path(f"/proc/{process}/fd").iterdir() if file.is_symlink()}
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    return {Path(words[7]) for words in lines if len(words) > 7 and f"socket:[{words[6]}]" in sockets}


def _until(condition: Any, patience: float = 60.0) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if condition():
                return True
        time.sleep(0.2)
    return False


def test_stale_runs_carry_a_tag_and_users_tags_and_notes_stay(mongod, tmp_path):
    home, uri = tmp_path / "runs", f"{mongod.uri}/tags"
    done = subprocess.run(
        **python(
            "benchmarks.tasks.localization", "with", "preset=smoke", "method=full-frame", "ordering=none", home=home
        )
    )
    assert done.returncode == 0, done.stdout
    copy = python("registry", "sync", "--mongo", uri, home=home)
    assert subprocess.run(**copy).returncode == 0
    with opened(address(uri)) as store:
        assert "omniboard" not in store.runs.find_one()
        store.runs.update_one({}, {"$set": {"omniboard": {"tags": ["mine"], "notes": "look again"}}})
        pedigree = home / "1" / "pedigree.json"
        entry = json.loads(pedigree.read_text())
        torch = entry["environment"]["torch"]
        for version, tags in (("1.0", ["mine", "stale"]), (torch, ["mine"])):
            entry["environment"]["torch"] = version
            change(pedigree, environment=entry["environment"])
            assert subprocess.run(**copy).returncode == 0
            assert store.runs.find_one()["omniboard"] == {"tags": tags, "notes": "look again"}
        (home / "1" / "cout.txt").write_text("it goes on\n")
        sealed(home / "1")
        assert sync(home, store).failed == {}
        whole = store.runs.find_one()
        assert whole["captured_out"] == "it goes on\n"
        assert whole["omniboard"]["notes"] == "look again"


def test_what_is_installed_is_locked_and_names_no_host():
    text = LOCKFILE.read_text()
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert packages["node_modules/omniboard"]["version"] == "2.16.1"
    names = {name.rpartition("node_modules/")[2]: entry["version"] for name, entry in packages.items() if name}
    assert not {"tar", "request", "npm", "semantic-release"} & names.keys(), "what only built it"
    assert names["express"] >= "4.22"
    assert names["mongoose"] == "5.13.23"
    assert all("integrity" in entry or entry.get("inBundle") for name, entry in packages.items() if name)


def test_a_missing_program_is_said():
    with pytest.raises(OmniboardError, match=r"no node on the PATH: Omniboard needs Node\.js"):
        program("node", {"PATH": "/nowhere"})
