"""A real `sluice serve` on free ports in a folder of its own, for the system tests.

Needs SLUICE_BINARY_DIR (the build folder). Every process started here carries a mark in its
environment; leaving the block checks that nobody with that mark is left.
"""
import datetime
import gc
import http.client
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid

BINARY_DIR = pathlib.Path(os.environ["SLUICE_BINARY_DIR"])
SOURCE_DIR = pathlib.Path(__file__).resolve().parents[2]
SLUICE = str(BINARY_DIR / "sluice")
STUB_ENGINE = str(next(BINARY_DIR.glob("**/libsluice_stub_engine.so"), ""))
REAL_ENGINE = (BINARY_DIR / "libsluice_engine.so").exists()
# Sanitized builds are several times slower: limits of time are stretched by this.
SLOW = float(os.environ.get("SLUICE_TEST_SLOW", "1"))

FLOATS = {"name": "a", "datatype": "FP32", "shape": [-1, 4]}
ADD = {"inputs": [FLOATS, dict(FLOATS, name="b")], "outputs": [dict(FLOATS, name="sum")], "op": "add"}
ECHO = {"inputs": [FLOATS], "outputs": [dict(FLOATS, name="out")], "op": "echo"}


def wait_until(condition, seconds=20.0, what="the condition"):
    """The first true value of condition(); fails after so many seconds (stretched when slow)."""
    end = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {seconds * SLOW:.1f} s"
        time.sleep(0.005)


def marked(mark):
    """{pid: command line} of the living processes that carry the mark."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if f"SLUICE_TEST_MARK={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
                if state != "Z":
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it ended meanwhile
    return found


class Answer:
    def __init__(self, status, headers, body, seconds):
        self.status, self.headers, self.body, self.seconds = status, headers, body, seconds

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r} after {self.seconds:.3f} s>"


def infer_request(model, rows, timeout_us):
    """The bytes of one inference, for raw sockets."""
    body = json.dumps({"inputs": [{"name": "a", "datatype": "FP32", "shape": [1, 4], "data": rows}],
                       "parameters": {"timeout": timeout_us}})
    return (f"POST /v2/models/{model}/infer HTTP/1.1\r\nHost: x\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


class Client:
    """One keep-alive connection."""

    def __init__(self, address, timeout=60):
        host, port = address.rsplit(":", 1)
        self.connection = http.client.HTTPConnection(host, int(port), timeout=timeout)

    def call(self, method, path, body=None, headers=None):
        start = time.monotonic()
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        self.connection.request(method, path, body=body, headers=headers or {})
        answer = self.connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read(), time.monotonic() - start)

    def infer(self, model, rows, timeout_us=None, name="a", headers=None):
        body = {"inputs": [{"name": name, "datatype": "FP32", "shape": [1, 4], "data": rows}]}
        if timeout_us is not None:
            body["parameters"] = {"timeout": timeout_us}
        return self.call("POST", f"/v2/models/{model}/infer", body, headers)

    def close(self):
        self.connection.close()


class Cluster:
    """`sluice serve`. `models`: {name: stub behaviour}, or a path for --models."""

    def __init__(self, models, *arguments, stub=True):
        self.mark = uuid.uuid4().hex
        self.temporary = tempfile.TemporaryDirectory(prefix="sluice-test-")
        self.folder = pathlib.Path(self.temporary.name)
        self.run_dir = self.folder / "run"
        if isinstance(models, dict):
            root = self.folder / "models"
            for name, behaviour in models.items():
                (root / name / "1").mkdir(parents=True)
                text = behaviour if isinstance(behaviour, str) else json.dumps(behaviour)
                (root / name / "1" / "model.onnx").write_text(text)
        else:
            root = pathlib.Path(models)
        self.models = root
        self.environment = dict(os.environ, SLUICE_TEST_MARK=self.mark)
        if stub:
            self.environment["SLUICE_ENGINE_LIBRARY"] = STUB_ENGINE
        self.log_path = self.folder / "log"
        self.processes = []
        self.main = self.start("serve", "--models", str(root), "--http", "127.0.0.1:0", "--metrics",
                               "127.0.0.1:0", "--run-dir", str(self.run_dir), *arguments)

    def start(self, *arguments, prefix=()):
        with open(self.log_path, "ab") as log:
            process = subprocess.Popen([*prefix, SLUICE, *arguments], env=self.environment, stdout=log,
                                       stderr=log, stdin=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_lines(self, event):
        """[{key: value}] of the whole lines of that event; `ts` as seconds of the wall clock."""
        found = []
        for line in re.findall(rf"^(?:.* )?(ts=\S+ .*event={event}(?: .*)?)\n", self.log, re.M):
            fields = {k: quoted or plain for k, quoted, plain in
                      re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))', line)}
            fields["ts"] = datetime.datetime.fromisoformat(fields["ts"].replace("Z", "+00:00")).timestamp()
            found.append(fields)
        return found

    def address(self, what="http"):
        match = wait_until(lambda: re.search(rf"^listening {what} (\S+)$", self.log, re.M)
                           or (self.main.poll() is not None and self.fail("ended at its start")),
                           what=f"the line 'listening {what}'")
        return match.group(1)

    def fail(self, what):
        raise AssertionError(f"sluice serve {what}; its log:\n{self.log}")

    def client(self, timeout=60):
        return Client(self.address(), timeout)

    def call(self, method, path, body=None, headers=None):
        client = self.client()
        try:
            return client.call(method, path, body, headers)
        finally:
            client.close()

    def infer(self, model, rows, **more):
        client = self.client()
        try:
            return client.infer(model, rows, **more)
        finally:
            client.close()

    def ready(self):
        try:
            return self.call("GET", "/v2/health/ready").status == 200
        except OSError:
            return False

    def wait_ready(self, seconds=30):
        self.address()
        try:
            wait_until(self.ready, seconds, "readiness")
        except AssertionError as error:
            self.fail(f"is not ready ({error})")
        return self

    def status(self):
        return self.call("GET", "/sluice/status").json()

    def workers(self, model=None):
        return [w for w in self.status()["workers"] if model in (None, w["model"])]

    def worker(self, model):
        return wait_until(lambda: next((w for w in self.workers(model) if w["pid"]), None),
                          what=f"a worker of {model}")

    def pid_of(self, command):
        """Of the one child `sluice COMMAND`."""
        return wait_until(lambda: next((p for p, c in self.processes_left().items()
                                        if c.split()[1:2] == [command]), None), what=command)

    def metric(self, name, **labels):
        text = Client(self.address("metrics")).call("GET", "/metrics").body.decode()
        total = 0.0
        for line in text.splitlines():
            match = re.match(rf"{name}(?:{{(.*)}})? (\S+)$", line)
            if match and all(f'{k}="{v}"' in (match.group(1) or "") for k, v in labels.items()):
                total += float(match.group(2))
        return total

    def processes_left(self):
        return marked(self.mark)

    def stop(self, with_signal=signal.SIGTERM, seconds=20):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(with_signal)
        codes = [process.wait(timeout=seconds * SLOW) for process in self.processes]
        wait_until(lambda: not self.processes_left(), 5, "the end of every process")
        return codes

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is not None:
                print(self.log[-20000:])
            for process in self.processes:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
            for process in self.processes:
                try:
                    process.wait(timeout=15 * SLOW)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    assert kind is not None, "SIGTERM did not end it:\n" + self.log
            wait_until(lambda: not self.processes_left(), 5, "the end of every process")
            assert "Sanitizer" not in self.log, self.log[:20000]
        finally:
            for pid in self.processes_left():
                os.kill(pid, signal.SIGKILL)
            self.temporary.cleanup()


def timed_round(address, request, count):
    """Sends the raw `request` on each of `count` new connections and waits for the answers:
    [(status, seconds from before the send to the answer's arrival)]. One thread and nothing between
    the kernel and the clock, so that the time is the server's."""
    host, port = address.rsplit(":", 1)
    sockets = {}
    poller = select.poll()
    for _ in range(count):
        one = socket.create_connection((host, int(port)))
        sockets[one.fileno()] = one
        poller.register(one, select.POLLIN)
    sent, data = {}, {}
    gc.disable()
    try:
        for fd, one in sockets.items():
            sent[fd] = time.monotonic()
            one.sendall(request)
        while len(data) < count:
            ready = poller.poll(30_000 * SLOW)
            now = time.monotonic()
            assert ready, "no answer"
            for fd, _ in ready:
                poller.unregister(fd)
                data[fd] = (sockets[fd].recv(65536), now - sent[fd])
    finally:
        gc.enable()
        for one in sockets.values():
            one.close()
    return [(int(head.split()[1]), seconds) for head, seconds in data.values()]


class Load:
    """Clients that send the same call in a loop until stopped; every answer is kept."""

    def __init__(self, cluster, clients, call):
        self.answers, self.errors = [], []
        self.stopping = threading.Event()
        address = cluster.address()
        self.threads = [threading.Thread(target=self.run, args=(address, call)) for _ in range(clients)]

    def run(self, address, call):
        client = Client(address)
        while not self.stopping.is_set():
            try:
                answer = call(client)
                answer.at = time.monotonic()
                self.answers.append(answer)
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
                client.close()
                client = Client(address)
        client.close()  # an idle connection holds up a drain until its limit

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
