"""As many connections as a shard promises to hold, and one more."""
import os
import re
import resource
import socket
import struct

import pytest

from cluster import ECHO, SLOW, Cluster, infer_request, wait_until

CONNECTIONS = 10_000  # limits::kConnectionsPerShard
ROUNDS = 4  # later ones find what the first has left behind
# A client that closes in order keeps the port for a minute, and four rounds are more ports than there
# are: only so many of each do, the rest is forgotten at once.
IN_ORDER = 500
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
ASK = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n"


def answer(one):
    """(status, head) of the next answer on the socket; its body is short and read with it."""
    one.settimeout(20 * SLOW)
    data = b""
    while True:
        head, end, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if end and len(body) >= int(length.group(1)):
            return int(head.split()[1]), head
        chunk = one.recv(65536)
        assert chunk, f"closed after {data!r}"
        data += chunk


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


@pytest.fixture
def all_descriptors():
    """The server is started with 1,024, as most systems do; the test itself takes what it may."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < CONNECTIONS + 500:
        pytest.skip(f"NOT TESTED: {CONNECTIONS + 500} descriptors are needed, {before[1]} allowed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
    yield lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_ten_thousand_connections_are_served_and_the_next_is_refused(all_descriptors):
    with Cluster({"echo": ECHO}, "--shards", "1") as cluster:
        cluster.wait_ready()
        all_descriptors()
        host, port = cluster.address().rsplit(":", 1)
        gateway = cluster.pid_of("gateway")

        def connect():
            return socket.create_connection((host, int(port)), timeout=20 * SLOW)

        before = descriptors(gateway)
        resident = []
        for _ in range(ROUNDS):
            held = [connect() for _ in range(CONNECTIONS)]
            for one in held:
                one.sendall(ASK)
            assert {answer(one)[0] for one in held} == {200}
            # `before` may have counted one that was just going.
            assert descriptors(gateway) >= before + CONNECTIONS - 2

            with connect() as over:
                over.sendall(ASK)
                status, head = answer(over)
                assert status == 503
                assert b"\r\nRetry-After: 1\r\n" in head
                over.shutdown(socket.SHUT_WR)
                assert over.recv(1) == b""
            # Those that are in are not hurt by it.
            held[0].sendall(infer_request("echo", [1, 2, 3, 4], 10_000_000))
            held[-1].sendall(ASK)
            assert answer(held[0])[0] == answer(held[-1])[0] == 200

            for one in held[IN_ORDER:]:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            for one in held:
                one.close()
            wait_until(lambda: descriptors(gateway) <= before, what="the end of all connections")
            resident.append(resident_bytes(gateway))
            assert cluster.infer("echo", [1, 2, 3, 4]).status == 200
        # malloc gives back what it likes when it likes, and the second round may still touch memory
        # for the first time, or have less than the first; 1 KB lost a connection would be seen.
        assert resident[-1] < max(resident[:2]) + 1_000 * CONNECTIONS * (ROUNDS - 2), resident
        assert cluster.metric("sluice_errors_total", kind="too_many_connections") == ROUNDS
        assert cluster.pid_of("gateway") == gateway
