"""What happens to models as server-sent events, and the commands that watch them."""
import http.client
import json
import os
import pty
import signal
import subprocess
import time

import pytest

from cluster import ECHO, SLOW, SLUICE, Cluster, wait_until

FOLLOWERS = 64  # limits::kEventStreams


class Stream:
    """GET of a path whose answer goes on: read event by event."""

    def __init__(self, cluster, path):
        host, port = cluster.address().rsplit(":", 1)
        self.connection = http.client.HTTPConnection(host, int(port), timeout=30 * SLOW)
        self.connection.request("GET", path)
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    def next(self):
        """(event, data), or None at the stream's proper end."""
        name = None
        while True:
            line = self.answer.readline().decode()
            if not line:
                return None
            field, _, value = line.rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                return name, json.loads(value)

    def until(self, wanted):
        """The events up to the first for which wanted(event, data) holds, that one included."""
        events = []
        while not events or not wanted(*events[-1]):
            events.append(self.next())
            assert events[-1] is not None, f"ended early: {events}"
        return events

    def close(self):
        self.connection.close()
        self.answer.close()


def put_version(cluster, number, **more):
    folder = cluster.models / "m" / str(number)
    folder.mkdir()
    (folder / "model.onnx").write_text(json.dumps(dict(ECHO, **more)))


@pytest.fixture
def cluster():
    with Cluster({"m": ECHO, "other": ECHO}, "--threads", "1") as running:
        yield running.wait_ready()


def wait_for_rollout(cluster):
    wait_until(lambda: cluster.call("GET", "/sluice/models/m/rollout").json().get("to") == ["2"], what="a rollout")


def steps(events):
    """What was said of a rollout's steps. A phase that is over before it could be shown is said all the same."""
    return [data["detail"] if data["event"] == "rollout_phase" else data["event"] for name, data in events
            if name == "change" and data["event"].startswith("rollout_")]


def test_a_rollout_is_told_from_its_beginning_to_its_end(cluster):
    stream = Stream(cluster, "/sluice/models/m/events")
    assert (stream.status, stream.answer.headers["Content-Type"]) == (200, "text/event-stream")
    assert stream.answer.headers["Cache-Control"] == "no-store"
    name, first = stream.next()
    assert (name, first["model"]) == ("rollout", "m")
    put_version(cluster, 2)
    events = stream.until(lambda name, data: name == "rollout" and data["phase"] == "done" and data["to"] == ["2"])
    assert steps(events) == ["rollout_started", "switching", "done"]
    changes = {(data["version"], data["event"]) for name, data in events if name == "change"}
    assert {("2", "version_starting"), ("2", "version_serving")} <= changes
    assert {data["model"] for _, data in events} == {"m"}
    late = Stream(cluster, "/sluice/events")
    assert {late.next()[1]["model"], late.next()[1]["model"]} == {"m", "other"}, "all of them, as they stand"
    late.close()
    stream.close()


def test_a_drain_ends_a_stream_in_order(cluster):
    stream = Stream(cluster, "/sluice/events")
    assert stream.next() and stream.next()
    start = time.monotonic()
    cluster.main.send_signal(signal.SIGTERM)
    assert stream.until(lambda name, _: name == "end")[-1] == ("end", {"reason": "the server is shutting down"})
    assert stream.next() is None, "the last chunk came"
    stream.close()
    assert cluster.main.wait(timeout=20 * SLOW) == 0
    assert time.monotonic() - start < 10 * SLOW, "it does not hold the drain up"


def test_followers_are_bounded_and_who_is_gone_makes_room(cluster):
    streams = [Stream(cluster, "/sluice/events") for _ in range(FOLLOWERS)]
    assert {stream.status for stream in streams} == {200}
    refused = Stream(cluster, "/sluice/events")
    assert refused.status == 503
    assert json.loads(refused.answer.read()) == {"error": "64 clients follow events already"}
    refused.close()
    assert cluster.infer("m", [1, 2, 3, 4]).status == 200
    for stream in streams[:10]:
        stream.close()
    put_version(cluster, 2)  # something to tell, so that who is gone is noticed

    def accepted():
        stream = Stream(cluster, "/sluice/events")
        streams.append(stream)
        return stream.status == 200
    wait_until(accepted, what="room for another")
    for stream in streams:
        stream.close()


def test_an_unknown_model_is_not_followed(cluster):
    answer = cluster.call("GET", "/sluice/models/nobody/events")
    assert (answer.status, answer.json()) == (404, {"error": "model 'nobody' is not known"})


def sluice(cluster, *arguments, **more):
    return subprocess.Popen([SLUICE, *arguments, "--url", f"http://{cluster.address()}"], env=cluster.environment,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def wait_until_connected(process):
    """A program that is only starting would miss what happens now."""
    folder = f"/proc/{process.pid}/fd"

    def has_socket():
        for entry in os.listdir(folder):
            try:
                if os.readlink(f"{folder}/{entry}").startswith("socket:"):
                    return True
            except FileNotFoundError:
                continue
        return False
    wait_until(has_socket, what="a connection")


def test_a_rollout_that_somebody_else_began_is_watched(cluster):
    put_version(cluster, 2, load_ms=int(1500 * SLOW))
    wait_for_rollout(cluster)
    watching = sluice(cluster, "rollout", "m", "--watch")
    out, errors = watching.communicate(timeout=60 * SLOW)
    assert (watching.returncode, errors) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("m: 1 -> 2, rolling: starting"), out
    assert lines[-1].startswith("m: 1 -> 2, rolling: done in"), out
    again = sluice(cluster, "rollout", "m", "--watch")
    assert again.communicate(timeout=60 * SLOW) == (lines[-1] + "\n", ""), "the last one, which has ended"
    nothing = sluice(cluster, "rollout", "other", "--watch", "--json")
    out, _ = nothing.communicate(timeout=60 * SLOW)
    assert nothing.returncode == 0 and json.loads(out)["model"] == "other"


def test_a_rollout_that_fails_is_watched_to_its_bitter_end(cluster):
    put_version(cluster, 2, load_ms=int(800 * SLOW), fail_load="it is broken")
    wait_for_rollout(cluster)
    watching = sluice(cluster, "rollout", "m", "--watch")
    _, errors = watching.communicate(timeout=60 * SLOW)
    assert watching.returncode == 1
    assert "rolled back" in errors and "it is broken" in errors


def test_all_events_are_watched_as_lines_and_as_json(cluster):
    lines, raw = sluice(cluster, "status", "--watch"), sluice(cluster, "status", "--watch", "--json")
    wait_until_connected(lines)
    first = json.loads(raw.stdout.readline())
    assert first["event"] == "rollout" and first["data"]["model"] == "m"
    put_version(cluster, 2)
    seen = []
    while "m: 1 -> 2, rolling: done" not in "".join(seen[-1:]):
        seen.append(lines.stdout.readline())
        assert seen[-1], "it ended"
    assert "m 2: version_serving\n" in seen
    for process in (lines, raw):
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20 * SLOW)


def test_a_terminal_is_drawn_anew(cluster):
    ours, theirs = pty.openpty()
    watching = subprocess.Popen([SLUICE, "status", "--watch", "--url", f"http://{cluster.address()}"],
                                env=cluster.environment, stdout=theirs)
    os.close(theirs)
    text = b""
    while text.count(b"\033[H\033[2J") < 2:
        text += os.read(ours, 65536)
    assert b"other" in text
    watching.send_signal(signal.SIGINT)
    watching.wait(timeout=20 * SLOW)
    os.close(ours)
