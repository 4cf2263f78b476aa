"""npm-registry.py DIR - serve DIR/NAME-VERSION.tgz as an npm registry on 127.0.0.1; prints its port."""
import base64
import glob
import hashlib
import http.server
import json
import os
import sys
import tarfile


class Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.lstrip("/")
        body = self.tarball(name) if name.endswith(".tgz") else self.packument(name)
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def tarball(self, name):
        with open(os.path.join(sys.argv[1], os.path.basename(name)), "rb") as file:
            return file.read()

    def packument(self, name):
        """All that a registry knows of a package, the last version being its latest."""
        versions = {}
        for path in sorted(glob.glob(f"{sys.argv[1]}/{name}-[0-9]*.tgz")):
            file = os.path.basename(path)
            with tarfile.open(path) as archive:
                manifest = json.load(archive.extractfile("package/package.json"))
            digest = base64.b64encode(hashlib.sha512(self.tarball(file)).digest()).decode()
            address = f"http://127.0.0.1:{self.server.server_port}/{file}"
            manifest["dist"] = {"tarball": address, "integrity": f"sha512-{digest}"}
            versions[manifest["version"]] = manifest
        if not versions:
            return b""
        return json.dumps({"name": name, "dist-tags": {"latest": list(versions)[-1]}, "versions": versions}).encode()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Registry)
print(server.server_port, flush=True)
server.serve_forever()
