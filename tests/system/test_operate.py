"""The operators' commands against a server that plays a script: what is sent, printed and returned.

The server is this test's own, so that each state of a rollout is seen by the command exactly as often
as the script has it.
"""
import http.server
import json
import os
import pathlib
import pty
import subprocess
import threading

import pytest

SLUICE = str(pathlib.Path(os.environ["SLUICE_BINARY_DIR"]) / "sluice")
NONE = {"model": "digits", "phase": "none"}


def state(phase, **more):
    return {"model": "digits", "id": 7, "from": ["1"], "to": ["2"], "strategy": "rolling", "phase": phase,
            "shards": {"acknowledged": 2, "all": 2}, "age_ms": 1500.0, **more}


class Script:
    """Answers the calls in this order: (method, path, status, answer)."""

    def __init__(self, *calls):
        self.calls, self.bodies, self.surprises = list(calls), [], []
        script = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                script.bodies.append(body)
                call = script.calls.pop(0) if script.calls else ("nothing", "", 500, {"error": "the script ended"})
                if (self.command, self.path) != call[:2]:
                    script.surprises.append((self.command, self.path, call))
                data = b"" if call[3] is None else json.dumps(call[3]).encode()
                self.send_response(call[2])
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *failure):
        self.server.shutdown()
        self.server.server_close()
        if failure[0] is None:
            assert not self.surprises and not self.calls, (self.surprises, self.calls)


def run(script, *arguments):
    done = subprocess.run([SLUICE, *arguments, "--url", script.url], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


ROLLOUT = "/sluice/models/digits/rollout"


def test_a_rollout_is_followed_to_its_end():
    with Script(("GET", ROLLOUT, 200, NONE),
                ("POST", ROLLOUT, 200, state("starting")),
                ("GET", ROLLOUT, 200, state("shifting", step=1, steps=2, percent=10)),
                ("GET", ROLLOUT, 200, state("shifting", step=1, steps=2, percent=10, since_ms=5)),
                ("GET", ROLLOUT, 200, state("switching", percent=100)),
                ("GET", ROLLOUT, 200, state("done"))) as script:
        code, out, errors = run(script, "rollout", "digits", "--to", "2", "--steps", "10,100", "--hold", "30s",
                                "--keep-old", "10m", "--strategy", "blue-green", "--allow-signature-change")
        assert (code, errors) == (0, "")
        assert out == ("digits: 1 -> 2, rolling: starting\n"
                       "digits: 1 -> 2, rolling: step 1 of 2, 10 % of the requests\n"
                       "digits: 1 -> 2, rolling: switching, 2 of 2 shards have it\n"
                       "digits: 1 -> 2, rolling: done in 1.5 s\n")
        assert json.loads(script.bodies[1]) == {
            "to": "2", "steps": [10, 100], "hold_ms": 30000, "keep_old_ms": 600000, "strategy": "blue-green",
            "allow_signature_change": True}


def test_a_rollout_that_goes_back_fails_with_its_reason():
    with Script(("GET", ROLLOUT, 200, state("done", id=6)),
                ("POST", ROLLOUT, 200, state("starting")),
                ("GET", ROLLOUT, 200, state("rolled_back", reason="version 2 answers NaN"))) as script:
        code, _, errors = run(script, "rollout", "digits", "--to", "2")
        assert code == 1
        assert errors == "sluice rollout: digits: 1 -> 2, rolling: rolled back: version 2 answers NaN\n"


def test_a_rollout_need_not_be_waited_for():
    with Script(("GET", ROLLOUT, 200, NONE), ("POST", ROLLOUT, 200, state("starting"))) as script:
        assert run(script, "rollout", "digits", "--to", "policy", "--no-wait") == (
            0, "digits: 1 -> 2, rolling: starting\n", "")
        assert json.loads(script.bodies[1]) == {"to": "policy"}


def test_where_nothing_changes_nothing_is_waited_for():
    with Script(("GET", ROLLOUT, 200, state("rolled_back")), ("POST", ROLLOUT, 200, state("rolled_back"))) as script:
        assert run(script, "rollout", "digits", "--to", "policy") == (
            0, "digits: what is served stays as it is\n", "")


def test_a_server_that_has_forgotten_the_rollout_is_an_error():
    with Script(("GET", ROLLOUT, 200, NONE), ("POST", ROLLOUT, 200, state("starting")),
                ("GET", ROLLOUT, 200, NONE)) as script:
        code, _, errors = run(script, "rollout", "digits", "--to", "2")
        assert code == 1 and "knows nothing of this rollout any more" in errors


def test_json_is_the_servers_last_word():
    with Script(("GET", ROLLOUT, 200, NONE), ("POST", ROLLOUT, 200, state("starting")),
                ("GET", ROLLOUT, 200, state("done"))) as script:
        code, out, _ = run(script, "rollout", "digits", "--to", "2", "--json")
        assert code == 0 and json.loads(out) == state("done")


def test_a_terminal_sees_a_bar():
    with Script(("GET", ROLLOUT, 200, NONE),
                ("POST", ROLLOUT, 200, state("shifting", step=1, steps=2, percent=50)),
                ("GET", ROLLOUT, 200, state("done"))) as script:
        master, slave = pty.openpty()
        process = subprocess.Popen([SLUICE, "rollout", "digits", "--to", "2", "--url", script.url], stdout=slave)
        os.close(slave)
        assert process.wait(timeout=60) == 0
        shown = os.read(master, 65536).decode()
        os.close(master)
        assert "\rdigits [##########..........] 1 -> 2, rolling: step 1 of 2, 50 % of the requests\x1b[K" in shown
        assert "\rdigits [####################] 1 -> 2, rolling: done in 1.5 s\x1b[K\r\n" in shown


@pytest.mark.parametrize("verb", ["pause", "resume", "abort"])
def test_verbs(verb):
    with Script(("POST", f"{ROLLOUT}/{verb}", 200, state("starting", paused=True))) as script:
        assert run(script, "rollout", verb, "digits") == (0, "digits: 1 -> 2, rolling: starting, paused\n", "")
        assert script.bodies == [""]


def test_a_model_may_have_the_name_of_a_verb():
    with Script(("POST", "/sluice/models/pause/rollout/pause", 200, state("starting"))) as script:
        assert run(script, "rollout", "pause", "--model", "pause")[0] == 0
    with Script(("GET", "/sluice/models/abort/rollout", 200, NONE),
                ("POST", "/sluice/models/abort/rollout", 200, state("starting"))) as script:
        assert run(script, "rollout", "--model", "abort", "--to", "2", "--no-wait")[0] == 0


def test_a_rollback_is_followed_too():
    with Script(("GET", ROLLOUT, 200, state("done")),
                ("POST", "/sluice/models/digits/rollback", 200, state("switching", id=8)),
                ("GET", ROLLOUT, 200, state("done", id=8))) as script:
        code, out, _ = run(script, "rollback", "digits")
        assert code == 0 and out.endswith("done in 1.5 s\n")


def test_load_and_unload(tmp_path):
    config = tmp_path / "config.json"
    config.write_text('{"max_batch_size": 8}')
    load, unload = (f"/v2/repository/models/digits/{what}" for what in ("load", "unload"))
    with Script(("POST", load, 200, None), ("POST", load, 200, None), ("POST", unload, 200, None)) as script:
        assert run(script, "load", "digits") == (0, "digits: loaded\n", "")
        assert run(script, "load", "digits", "--config", str(config))[0] == 0
        assert run(script, "unload", "digits") == (
            0, "digits: unloaded; what was accepted is being finished\n", "")
        assert script.bodies[0] == script.bodies[2] == ""
        assert json.loads(script.bodies[1]) == {"parameters": {"config": '{"max_batch_size": 8}'}}


def test_models():
    answer = {"models": [{"name": "digits", "versions": [{"version": "1", "state": "serving", "weight": 100}]}]}
    with Script(("GET", "/sluice/models", 200, answer), ("GET", "/sluice/models", 200, answer)) as script:
        code, out, _ = run(script, "models")
        assert code == 0
        assert out == ("MODEL   VERSION  STATE    REQUESTS  WORKERS  LABELS  REASON\n"
                       "digits  1        serving  100 %     -        -       -\n")
        code, out, _ = run(script, "models", "--json")
        assert code == 0 and json.loads(out) == answer


def test_a_refusal_is_told_in_the_servers_words():
    with Script(("GET", ROLLOUT, 404, {"error": "model 'digits' is not known"})) as script:
        assert run(script, "rollout", "digits", "--to", "2") == (
            1, "", "sluice rollout: model 'digits' is not known\n")
    with Script(("POST", "/v2/repository/models/digits/load", 400, {"error": "version 2: bad"})) as script:
        assert run(script, "load", "digits") == (1, "", "sluice load: version 2: bad\n")


@pytest.mark.parametrize("arguments,complaint", [
    (["rollout"], "MODEL is required"),
    (["rollout", "digits"], "--to or --watch is required"),
    (["rollout", "digits", "--to", "2", "--watch"], "not both"),
    (["rollout", "pause"], "MODEL is required"),
    (["rollout", "digits", "--to", "2", "--strategy", "quick"], "quick"),
    (["rollout", "digits", "--to", "2", "--steps", "1,x"], "steps"),
    (["load"], "model is required"),
])
def test_wrong_usage(arguments, complaint):
    done = subprocess.run([SLUICE, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and complaint in done.stderr


@pytest.mark.parametrize("arguments,complaint", [
    (["rollout", "digits", "--to", "2", "--hold", "soon"], "'soon'"),
    (["load", "digits", "--config", "/nonexistent"], "/nonexistent: there is no such file"),
    (["models", "--url", "http://127.0.0.1:1"], "nobody answers at http://127.0.0.1:1"),
])
def test_what_cannot_be_done_says_why(arguments, complaint):
    done = subprocess.run([SLUICE, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and complaint in done.stderr
