#!/usr/bin/python3
"""Writes the seed corpora from the transcripts of tests/protocol. Run it when one changed."""

import pathlib

HERE = pathlib.Path(__file__).parent
TRANSCRIPTS = HERE / "../../protocol"


def read(file):
    """The path, headers and body of the transcript's request."""
    lines, body = [], b""
    for line in file.read_text().split("\n"):
        mark, _, rest = line.partition(" ")
        if mark == ">":
            lines.append(rest)
        elif mark == ">|":
            body += rest.encode()
        elif mark == ">x":
            body += bytes.fromhex(rest)
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return lines[0].split(" ", 1)[1], headers, body


def seed(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def main():
    folders = ["kserve", "graphpipe", "admin"]
    for file in sorted(file for folder in folders for file in TRANSCRIPTS.glob(folder + "/*.txt")):
        path, headers, body = read(file)
        seed("route", file.parent.name + "_" + file.stem, path.encode())
        if "/repository/" in path or path.startswith("/sluice/"):
            if body:
                word = path.rsplit("/", 1)[1]
                call = {"index": b"i", "load": b"l", "unload": b"u", "rollout": b"r"}.get(word, b"v")
                seed("admin", file.stem, call + body)
            continue
        if file.parent.name == "graphpipe":
            seed("graphpipe", file.stem, body)
            continue
        length = headers.get("inference-header-content-length", "")
        if length.isdigit():
            seed("kserve_binary", file.stem, int(length).to_bytes(2, "little") + body)
        else:
            seed("kserve_json", file.stem, body)


if __name__ == "__main__":
    main()
