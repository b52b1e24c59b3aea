"""Gateway and node on two hosts: two network namespaces with a wire between them. Needs root."""
import json
import os
import subprocess
import time
import uuid

import pytest

from cluster import ECHO, SLOW, SLUICE, STUB_ENGINE, marked, wait_until

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["ip", "netns", "list"], capture_output=True,
                                        check=False).returncode != 0,
    reason="NOT RUN: needs root and network namespaces")

GATEWAY_IP, NODE_IP = "10.83.0.1", "10.83.0.2"
URL = f"http://{GATEWAY_IP}:8000"


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class TwoHosts:
    def __init__(self, folder):
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.names = [f"sluice-{self.mark[:6]}-{side}" for side in ("gw", "node")]
        self.processes = []

    def __enter__(self):
        gateway, node = self.names
        ip("netns", "add", gateway)
        ip("netns", "add", node)
        ip("link", "add", "wire", "netns", gateway, "type", "veth", "peer", "name", "wire", "netns", node)
        for name, address in ((gateway, GATEWAY_IP), (node, NODE_IP)):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "wire")
            ip("-n", name, "link", "set", "wire", "up")
            ip("-n", name, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(timeout=20 * SLOW)
        try:
            wait_until(lambda: not marked(self.mark), 5, "the end of every process")
        finally:
            for name in self.names:
                ip("netns", "del", name)

    def command(self, side, *arguments):
        return ["ip", "netns", "exec", self.names[side], SLUICE, *arguments]

    def start(self, side, *arguments):
        log = open(self.folder / f"log-{len(self.processes)}", "ab")
        process = subprocess.Popen(
            self.command(side, *arguments), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            env=dict(os.environ, SLUICE_TEST_MARK=self.mark, SLUICE_ENGINE_LIBRARY=STUB_ENGINE))
        self.processes.append(process)
        return process

    def gateway(self):
        return self.start(0, "gateway", "--run-dir", str(self.folder / "gw"), "--http",
                          f"{GATEWAY_IP}:8000", "--metrics", f"{GATEWAY_IP}:8002", "--link",
                          f"tcp://{GATEWAY_IP}:7000", "--expect", "echo")

    def node(self):
        return self.start(1, "node", "--gateway", f"tcp://{GATEWAY_IP}:7000", "--models",
                          str(self.folder / "models"))

    def status(self):
        ran = subprocess.run(self.command(0, "status", "--json", "--url", URL), capture_output=True,
                             text=True, check=False)
        return json.loads(ran.stdout) if ran.returncode == 0 else {"gateway": {}, "workers": []}

    def infer(self):
        return subprocess.run(self.command(0, "infer", "echo", "--input", "[[1,2,3,4]]", "--url", URL),
                              capture_output=True, text=True, check=False)

    def wait_ready(self):
        wait_until(lambda: self.status()["gateway"].get("ready"), 30, "readiness")


@pytest.fixture(name="hosts")
def two_hosts(tmp_path):
    model = tmp_path / "models/echo/1"
    model.mkdir(parents=True)
    (model / "model.onnx").write_text(json.dumps(ECHO))
    with TwoHosts(tmp_path) as hosts:
        yield hosts


def test_a_request_crosses_the_wire_and_a_killed_worker_comes_back(hosts):
    hosts.gateway()
    hosts.node()
    hosts.wait_ready()
    ran = hosts.infer()
    assert ran.returncode == 0, ran.stderr
    before = hosts.status()["workers"][0]
    os.kill(before["pid"], 9)
    wait_until(lambda: (w := hosts.status()["workers"]) and w[0]["state"] == "ready"
               and w[0]["pid"] != before["pid"])
    assert hosts.infer().returncode == 0


def test_workers_find_a_gateway_that_was_replaced(hosts):
    gateway = hosts.gateway()
    hosts.node()
    hosts.wait_ready()
    pid = hosts.status()["workers"][0]["pid"]
    gateway.kill()
    gateway.wait()
    for each in [p for p, c in marked(hosts.mark).items() if " gateway " in c]:
        os.kill(each, 9)
    hosts.gateway()
    started = time.monotonic()
    hosts.wait_ready()
    assert time.monotonic() - started < (5 * 1.0 + 1.0) * SLOW  # five heartbeats between hosts
    assert hosts.status()["workers"][0]["pid"] == pid
    assert hosts.infer().returncode == 0


def test_a_wire_that_is_cut_and_mended_is_dialled_anew(hosts):
    hosts.gateway()
    hosts.node()
    hosts.wait_ready()
    ip("-n", hosts.names[1], "link", "set", "wire", "down")
    wait_until(lambda: not any(w["state"] == "ready" for w in hosts.status()["workers"]), 20,
               "the gateway notices")
    ip("-n", hosts.names[1], "link", "set", "wire", "up")
    wait_until(lambda: hosts.infer().returncode == 0, 30, "requests are served again")
