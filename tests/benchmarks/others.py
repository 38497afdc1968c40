"""What other programs make of an answer that is no whole image.

``python tests/benchmarks/others.py``, in an environment with the extra ``test``. A demo archive on
loopback gives one kind of bad answer to all requests for images. Each program downloads one image
of it into a directory of its own, as its manual says. Printed is what it left.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import faults
from support.helpers import TINY
from support.misbehaving import FaultyArchive

ANSWERS = {
    "half of an image, no length": faults.cut_without_length,
    "half of an image, chunked": faults.cut_chunked,
    "a page of text as image/jpeg": faults.html_as_jpeg,
    "an empty body": faults.empty,
    "503 with Retry-After": faults.busy(1),
}

GIT_ANNEX = "git init -q && git annex init -q && "

PROGRAMS = {
    "wget": "wget -q -O image.jpg {url}",
    "curl": "curl -sfLo image.jpg {url}",
    "git annex addurl": GIT_ANNEX + "git annex addurl --file image.jpg {url}",
    "datalad addurls": (
        "datalad create --force . && printf 'url,name\\n{url},image.jpg\\n' > ../urls.csv && "
        "datalad addurls ../urls.csv '{{url}}' '{{name}}'"
    ),
    "stackpack-add": "datalad stackpack-add --archive {archive} --parts projections --into . 1",
}

GITCONFIG = """
[user]
name = Me
email = me@example.org
[annex "security"]
allowed-ip-addresses = 127.0.0.1
"""


def main() -> None:
    with TemporaryDirectory() as directory, FaultyArchive((TINY,)) as archive:
        home = Path(directory)
        (home / ".gitconfig").write_text(GITCONFIG)
        url = f"{archive.url}/api/v2/section_image_download/{projection(archive.url)}"
        for answer, fault in ANSWERS.items():
            archive.spoil("image *", fault)
            for number, (program, command) in enumerate(PROGRAMS.items()):
                place = home / f"{list(ANSWERS).index(answer)}-{number}"
                place.mkdir()
                done = subprocess.run(
                    ["bash", "-c", command.format(url=url, archive=archive.url)],
                    cwd=place,
                    env={**os.environ, "HOME": directory},
                    capture_output=True,
                    check=False,
                )
                left = [path for path in place.rglob("*.jpg") if ".git" not in path.parts]
                kept = f"kept {len(left)} file" if left else "kept nothing"
                print(f"{answer:30} {program:18} exit code {done.returncode:3} {kept}")


def projection(url: str) -> int:
    """The id of an image."""
    query = "criteria=model::ProjectionImage,rma::criteria,[specimen_id$eq1]"
    with urllib.request.urlopen(f"{url}/api/v2/data/query.json?{query}") as answer:
        return int(json.load(answer)["msg"][0]["id"])


if __name__ == "__main__":
    main()
