"""The archives to measure against, in processes of their own on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import server

NGINX = """
{user} daemon off; pid {work}/nginx.pid; worker_processes 2; error_log {work}/nginx.log;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on; absolute_redirect off; keepalive_requests 1000000;
  client_body_temp_path {work}/body; proxy_temp_path {work}/proxy;
  fastcgi_temp_path {work}/fastcgi; uwsgi_temp_path {work}/uwsgi; scgi_temp_path {work}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location ~ ^/api/v2/section_image_download/(\\d+)$ {{ return 302 /images/$1; }}
    # something added after a body takes its length away, so that it is sent in chunks
    location /images/ {{
      alias {images}/; default_type image/jpeg; etag off;
      add_after_body /nothing; addition_types *;
    }}
    location = /nothing {{ return 204; }}
    location / {{ proxy_pass {rows}; }}
  }}
}}
"""


@dataclass(frozen=True)
class Running:
    """An archive that answers at ``url``; ``kind`` is which program it is."""

    url: str
    kind: str

    def asked(self) -> int:
        """How many images were asked for so far (not known of nginx)."""
        with urlopen(f"{self.url}/asked") as reply:
            return int(reply.read())


@contextmanager
def plain(size: int, latency_s: float = 0.0, rate: float = 0.0) -> Iterator[Running]:
    """The asyncio archive, with images of ``size`` bytes."""
    command = [sys.executable, str(Path(server.__file__)), f"--bytes={size}",
               f"--latency={latency_s}", f"--rate={rate}"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield Running(process.stdout.readline().strip(), "asyncio")
        finally:
            process.kill()


@contextmanager
def fastest(size: int, images: Path, work: Path) -> Iterator[Running]:
    """nginx serving ``images``, where it is installed; else the asyncio archive."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    with plain(size) as rows:
        if nginx is None:
            yield rows
            return
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        user = "" if os.geteuid() else "user root;"  # else its workers cannot read the images
        configuration = work / "nginx.conf"
        configuration.write_text(
            NGINX.format(work=work, port=port, images=images, rows=rows.url, user=user)
        )
        command = [nginx, "-e", str(work / "nginx.log"), "-c", str(configuration)]
        with subprocess.Popen(command) as process:
            try:
                _wait_for(port)
                yield Running(f"http://127.0.0.1:{port}", "nginx")
            finally:
                process.terminate()


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("nginx does not answer")
