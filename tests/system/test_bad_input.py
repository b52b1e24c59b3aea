"""Hostile and mistaken requests to the whole server: a clear answer each, and the server stays."""
import pathlib
import resource
import socket
import struct
import subprocess
import threading
import time

import pytest

from cluster import ADD, REAL_ENGINE, SLOW, SLUICE, Client, Cluster, wait_until

ROW = {"datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}
A, B = dict(ROW, name="a"), dict(ROW, name="b")
INFER = "/v2/models/add/infer"


@pytest.fixture(scope="module")
def cluster():
    with Cluster({"add": ADD}) as running:
        yield running.wait_ready()


@pytest.fixture(autouse=True)
def still_serves(cluster):
    yield
    assert cluster.call("POST", INFER, {"inputs": [A, B]}).status == 200
    assert cluster.worker("add")["restarts"] == 0


MISTAKES = [
    ("", 400, "JSON"),
    ("{", 400, "byte"),
    ('{"inputs": [}', 400, "byte"),
    ("[]", 400, ""),
    ({"inputs": []}, 400, "expected 2 inputs but got 0"),
    ({"inputs": [A]}, 400, "missing required input(s) ['b']"),
    ({"inputs": [A, dict(B, name="c")]}, 400, "unexpected inference input 'c'"),
    ({"inputs": [A, dict(B, datatype="INT32")]}, 400, "INT32"),
    ({"inputs": [A, dict(B, datatype="FP33")]}, 400, "FP33"),
    ({"inputs": [A, dict(B, shape=[1, 3], data=[1, 2, 3])]}, 400, "[1,3]"),
    ({"inputs": [A, dict(B, shape=[4])]}, 400, "[4]"),
    ({"inputs": [A, dict(B, shape=[1, -4])]}, 400, ""),
    ({"inputs": [A, dict(B, shape=[4611686018427387904, 4])]}, 400, "4611686018427387904"),
    ({"inputs": [A, dict(B, data=[1, 2, 3])]}, 400, ""),
    ({"inputs": [A, dict(B, data=["x", 2, 3, 4])]}, 400, ""),
    ({"inputs": [A, B, B]}, 400, "'b'"),
    ({"inputs": [A, B], "outputs": [{"name": "difference"}]}, 400, "'difference'"),
    ("[" * 200_000, 400, ""),
]


@pytest.mark.parametrize("body, status, words", MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistaken_body_is_named(cluster, body, status, words):
    answer = cluster.call("POST", INFER, body)
    assert answer.status == status, answer
    assert words in answer.json()["error"]


def test_unknown_paths_models_and_methods(cluster):
    assert cluster.call("POST", "/v2/models/none/infer", {"inputs": [A, B]}).status == 404
    assert cluster.call("POST", "/v2/models/add/versions/9/infer", {"inputs": [A, B]}).status == 404
    assert cluster.call("GET", "/nowhere").status == 404
    assert cluster.call("GET", INFER).status == 405


@pytest.mark.parametrize("body", [b"", b"\0", b"\xff" * 64, struct.pack("<I", 1 << 30) + b"x" * 60])
def test_a_malformed_flatbuffer_is_a_400_and_not_a_dropped_connection(cluster, body):
    client = cluster.client()
    answer = client.call("POST", "/graphpipe/add", body)
    assert answer.status == 400, answer
    assert client.call("GET", "/v2/health/live").status == 200  # the same connection


def exchange(cluster, data, seconds=15):
    """Everything the server sends until it closes the connection."""
    host, port = cluster.address().rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=seconds * SLOW) as one:
        one.sendall(data)
        received = b""
        while True:
            try:
                chunk = one.recv(65536)
            except ConnectionResetError:
                return received
            if not chunk:
                return received
            received += chunk


HOSTILE = [
    (b"GET /v2 HTTP/1.1\nHost: x\n\n", b"400"),
    (b"GET /v2 HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", b"400"),
    (b"GET /v2 HTTP/1.1\r\nHost : x\r\n\r\n", b"400"),
    (b"GET /v2 HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n", b"400"),
    (b"GET /v2 HTTP/1.1\r\n\r\n", b"400"),
    (b"GET /v2 HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", b"400"),
    (b"GET /v2 HTTP/3.0\r\nHost: x\r\n\r\n", b"505"),
    (b"GET /v2 HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40_000 + b"\r\n\r\n", b"431"),
    (b"POST /v2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", b"400"),
    (b"POST /v2 HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", b"400"),
    (b"POST /v2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", b"501"),
    (b"POST /v2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", b"400"),
    (b"POST /v2 HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
    (b"POST /v2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", b"400"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
]


@pytest.mark.parametrize("data, status", HOSTILE, ids=range(len(HOSTILE)))
def test_a_framing_rule_is_kept(cluster, data, status):
    assert exchange(cluster, data).startswith(b"HTTP/1.1 " + status)


def test_chunked_with_a_length_and_expect_is_served_without_a_stall(cluster):
    body = (b'{"inputs":[{"name":"a","datatype":"FP32","shape":[1,4],"data":[1,2,3,4]},'
            b'{"name":"b","datatype":"FP32","shape":[1,4],"data":[1,2,3,4]}]}')
    head = (f"POST {INFER} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n").encode()
    host, port = cluster.address().rsplit(":", 1)
    start = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=10 * SLOW) as one:
        one.sendall(head)
        assert one.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        one.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        received = b""
        while chunk := one.recv(65536):
            received += chunk
    assert received.startswith(b"HTTP/1.1 200")
    assert time.monotonic() - start < 0.9 * SLOW


def test_a_body_over_the_limit_is_a_413_that_the_client_sees(cluster):
    host, port = cluster.address().rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10 * SLOW) as one:
        one.sendall(f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: {300 << 20}\r\n\r\n".encode())
        sent = threading.Thread(target=lambda: push(one, 4 << 20))
        sent.start()
        received = one.recv(65536)
        sent.join()
    assert received.startswith(b"HTTP/1.1 413"), received


def push(one, count):
    try:
        for _ in range(count // 65536):
            one.sendall(b"x" * 65536)
    except OSError:
        pass  # the server has closed after its refusal


def test_memory_returns_after_large_bodies(cluster):
    gateway = cluster.pid_of("gateway")

    def resident_mb():
        with open(f"/proc/{gateway}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * 4096 / (1 << 20)

    before = resident_mb()
    for _ in range(3):
        answer = cluster.call("POST", INFER, b"[" + b"1," * (32 << 20) + b"1]")
        assert answer.status == 400
    wait_until(lambda: resident_mb() < before + 40, what="memory back")


def test_output_that_cannot_be_written_is_no_success(cluster):
    url = f"http://{cluster.address()}"
    for arguments in (["status", "--url", url], ["--help"]):
        with open("/dev/full", "w", encoding="utf-8") as full:
            ran = subprocess.run([SLUICE, *arguments], stdout=full, stderr=subprocess.PIPE, text=True,
                                 check=False, timeout=60)
        assert (ran.returncode, ran.stderr) == (1, "sluice: the output cannot be written\n"), arguments


@pytest.mark.skipif(SLOW > 1 or not REAL_ENGINE, reason="sanitizers reserve more address space than this allows")
def test_a_lack_of_memory_is_an_error_and_not_the_end():
    def little_memory():
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    add = pathlib.Path(__file__).resolve().parents[2] / "cluster/example/add/1/model.onnx"
    done = subprocess.run([SLUICE, "bench", "engine", add, "--seconds", "0",
                           "--shape", "a=250000000x4", "--shape", "b=250000000x4"],
                          preexec_fn=little_memory, capture_output=True, text=True, check=False)
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert "bad_alloc" in done.stderr or "memory" in done.stderr, done.stderr
