"""A container registry (the read-only part of the OCI distribution specification) for tests, on the loopback interface.

    registry.py DIRECTORY    prints its port; serves each NAME:TAG that is a file `DIRECTORY/NAME@TAG` of any bytes, as an
                             image of one layer with that file
"""
import hashlib, http.server, io, json, os, sys, tarfile

directory = sys.argv[1]


def blob(data):
    return "sha256:" + hashlib.sha256(data).hexdigest(), data


def image(name, tag):
    with open(os.path.join(directory, f"{name}@{tag}"), "rb") as file:
        content = file.read()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("content")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    layer = blob(archive.getvalue())
    config = blob(json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/content"]},
        "rootfs": {"type": "layers", "diff_ids": [layer[0]]}}).encode())
    kind = "application/vnd.docker."
    manifest = blob(json.dumps({
        "schemaVersion": 2, "mediaType": kind + "distribution.manifest.v2+json",
        "config": {"mediaType": kind + "container.image.v1+json", "size": len(config[1]), "digest": config[0]},
        "layers": [{"mediaType": kind + "image.rootfs.diff.tar", "size": len(layer[1]), "digest": layer[0]}]}).encode())
    return manifest, config, layer


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        parts = self.path.strip("/").split("/")
        if parts == ["v2"]:
            return self.answer(b"{}", "application/json")
        try:
            _, name, kind, reference = parts
            tags = [file.split("@")[1] for file in os.listdir(directory) if file.startswith(name + "@")]
            if kind == "manifests" and reference in tags:
                found = image(name, reference)[0]
            else:
                found = next(item for tag in tags for item in image(name, tag) if item[0] == reference)
        except (ValueError, OSError, StopIteration):
            return self.send_error(404)
        media = "application/vnd.docker.distribution.manifest.v2+json" if kind == "manifests" else "application/octet-stream"
        self.answer(found[1], media, found[0])

    do_HEAD = do_GET

    def answer(self, data, media, digest=None):
        self.send_response(200)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
