#!/usr/bin/python3
"""Runs the client scripts against the adapters alone: HTTP by the standard library in front of
adapter_server.

    clients_test.py ADAPTER_SERVER
"""

import http.server
import os
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = ["%s: %s\n" % field for field in self.headers.items() if field[1]]
        adapters = self.server.adapters
        head = "%s %s %d %d\n%s" % (self.command, self.path, len(headers), len(body),
                                    "".join(headers))
        adapters.stdin.write(head.encode("latin-1") + body)
        adapters.stdin.flush()
        status, count, size = map(int, adapters.stdout.readline().split())
        self.send_response(status)
        for _ in range(count):
            name, value = adapters.stdout.readline().decode("latin-1").rstrip("\n").split(": ", 1)
            self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(adapters.stdout.read(size))

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def log_message(self, *_):
        pass


def run(adapter_server, arguments, client, *options):
    with subprocess.Popen([adapter_server, *arguments], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as adapters:
        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        server.adapters = adapters
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = "http://127.0.0.1:%d" % server.server_port
        code = subprocess.run(["/usr/bin/python3", os.path.join(HERE, client), url, *options],
                              timeout=100, check=False).returncode
        adapters.stdin.close()
        return code


def main():
    adapter_server = sys.argv[1]
    codes = [run(adapter_server, [], "client_kserve.py"),
             run(adapter_server, [], "client_graphpipe.py"),
             run(adapter_server, ["add"], "client_graphpipe.py", "--alone")]
    sys.exit(max(codes))


if __name__ == "__main__":
    main()
