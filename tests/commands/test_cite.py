"""``stackpack-cite``: which commit is cited, what cannot be overlooked, and what is saved."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest
from ruamel.yaml import YAML
from support.helpers import TINY, git
from support.misbehaving import FaultyArchive

from datalad_stackpack.demo import Reply
from datalad_stackpack.manifest import json_text

QUIET = {"on_failure": "ignore", "result_renderer": "disabled"}


@pytest.fixture
def commit(two_stacks):
    """The commit of stack 1."""
    return two_stacks[1][0]["commit"]


def cite(*paths, **options):
    from datalad.api import stackpack_cite

    return stackpack_cite(list(paths), **(QUIET | options))


def text(*paths, **options):
    return cite(*paths, **options)[-1]["rendering"]


def complaint(results):
    assert results[-1]["status"] == "error", results
    assert results[-1]["message"].isprintable()
    return results[-1]["message"]


def save_all(message="later"):
    git("add", "--all")
    git("commit", "--quiet", "-m", message)


# --- which commit ---------------------------------------------------------------------


def test_the_sentence_names_the_commit_of_the_images_whatever_came_later(root, commit):
    before = text("1")
    (root / "notes.txt").write_text("later")
    save_all()
    cite("1", save=True)
    git("tag", "v1")
    assert text("1") == text("1", rev="v1") == before
    assert f"commit {commit}," in before
    dataset = git("config", "--file", ".datalad/config", "datalad.dataset.id").strip()
    day = git("show", "-s", "--format=%as", commit).strip()
    assert f"recorded on {day}, in DataLad dataset {dataset}, directory 1, commit" in before
    assert before.startswith(
        "We used 6 planes (sections 2 to 7), 4 projections and the reconstruction of specimen 1 "
        "(Scnn1a-Tg2-Cre;Ai14-167081.03.02.01, Mus musculus, VISp4, Primary visual area, layer 4)"
    )
    assert "packed with datalad-stackpack 0.1.0, each file identified by its SHA-256." in before
    assert "DO NOT CITE" not in before


def test_a_dataset_cites_its_subdataset_as_it_records_it(add, begin, dataset, monkeypatch):
    begin(1)
    add(1, subdataset=True, parts="projections")
    first = git("rev-parse", "HEAD", at="1").strip()
    git("tag", "paper")
    add(1, into="1", parts="planes")
    tip = git("rev-parse", "HEAD", at="1").strip()
    assert f"commit {first}," in text()
    assert "We used 4 projections of specimen 1 " in text()
    assert f"commit {tip}," in text(rev=tip), "a commit of the subdataset, and not of the dataset"
    add(1, subdataset=True, parts="planes")
    assert f"commit {tip}," in text()
    assert f"commit {first}," in text(rev="paper")
    assert "'--nothing' is no commit of" in complaint(cite(rev="--nothing"))
    monkeypatch.chdir("1")
    assert f"commit {tip}," in text()


def test_an_earlier_version_is_cited_with_rev(root, commit):
    before = text("1")
    manifest = json_text.read((root / "1" / "manifest.json").read_bytes())
    changed = replace(manifest, archive_name="another name")
    (root / "1" / "manifest.json").write_bytes(json_text.write(changed))
    save_all()
    (now, rendered) = cite("1")
    assert now["commit"] == git("rev-parse", "HEAD").strip() != commit
    assert "another name" in rendered["rendering"]
    (root / "1" / "manifest.json").write_bytes(b"spoiled")
    assert text("1", rev=commit) == before, "the work tree does not build on that version"
    assert "UNSAVED" in text("1", rev="HEAD"), "here it does"


@pytest.mark.parametrize("rev", ["nope", "--all", "HEAD:1", "a\0b", ""])
def test_a_rev_that_is_no_commit_is_refused(root, rev):
    assert "is no commit of" in complaint(cite("1", rev=rev))


def test_a_rev_before_there_was_a_stack_is_refused(root):
    first = git("rev-list", "--max-parents=0", "HEAD").strip()
    assert "has no stack in '1'" in complaint(cite("1", rev=first))


def test_a_history_that_is_cut_off_names_no_commit(root, work, commit):
    (root / "notes.txt").write_text("later")
    save_all()
    git("clone", "--quiet", "--depth", "1", f"file://{root}", str(work.parent / "shallow"))
    message = complaint(cite(dataset=str(work.parent / "shallow")))
    assert "git fetch --unshallow" in message
    git("fetch", "--quiet", "--unshallow", at=work.parent / "shallow")
    assert commit in text(dataset=str(work.parent / "shallow"))


def test_on_an_adjusted_branch_the_users_own_commit_is_cited(root, commit):
    git("tag", git("symbolic-ref", "--short", "HEAD").strip(), "HEAD~2")  # goes before the branch
    git("annex", "adjust", "--unlock", "--quiet")
    git("annex", "unlock", "--quiet", "1/planes/0002.jpg")
    for rev in (None, "HEAD"):
        (result, _) = cite("1", rev=rev)
        assert result["commit"] == commit
        assert result["caveats"] == []


def test_a_stack_that_was_moved_is_cited_where_it_is(root):
    git("mv", "1", "moved")
    save_all("move")
    sentence = text("moved")
    assert f"directory moved, commit {git('rev-parse', 'HEAD').strip()}," in sentence
    assert "DO NOT CITE" not in sentence


def test_a_stack_that_no_commit_has_is_not_cited(root):
    git("checkout", "--quiet", "--orphan", "fresh")
    assert "has no commit yet" in complaint(cite("1"))


# --- what cannot be overlooked ----------------------------------------------------------


def test_unsaved_changes_are_said_in_the_text_and_the_result(root, commit):
    (root / "1" / "manifest.json").write_bytes(b"spoiled")
    (root / "1" / "planes" / "9.jpg").write_bytes(b"")
    git("rm", "--quiet", "1/planes/0002.jpg")
    (result, rendered) = cite("1")
    assert result["commit"] == commit
    assert result["caveats"] == [
        "UNSAVED CHANGES: 3 files of the work tree are not as in the commit"
    ]
    assert "UNSAVED CHANGES" in result["message"]
    assert rendered["rendering"].startswith("DO NOT CITE THIS AS IT IS\n")
    assert "has unsaved changes in 3 of its files" in complaint(cite("1", save=True))
    assert cite("2")[0]["caveats"] == []


@pytest.mark.parametrize("path", ["manifest.json", "planes/9.jpg", "reconstruction/1.swc"])
def test_each_of_the_stacks_own_files_counts(root, path):
    (root / "1" / path).unlink(missing_ok=True)
    (root / "1" / path).write_bytes(b"spoiled")
    assert cite("1")[0]["caveats"] == [
        "UNSAVED CHANGES: 1 file of the work tree is not as in the commit"
    ]


def test_a_commit_that_does_not_hold_what_its_manifest_lists_is_said_so(root):
    git("rm", "--quiet", "1/planes/0002.jpg")
    save_all()
    assert cite("1")[0]["caveats"] == ["BROKEN: in 1 file the commit is not what its manifest says"]


def test_an_incomplete_stacks_citation_says_so(stack, work):
    from datalad.api import stackpack_add

    with FaultyArchive((TINY,)) as archive:
        archive.spoil("redirect *", lambda _request, _reply: Reply(404), times=2)
        given = {"archive": archive.url, "jobs": 1, "into": "1", "parts": "projections"}
        stackpack_add(1, **given, **QUIET)
    (result, rendered) = cite(dataset="1")
    assert result["caveats"] == ["INCOMPLETE: 2 of 4 files could not be downloaded"]
    assert rendered["rendering"].startswith("DO NOT CITE THIS AS IT IS\n")
    mark = "[INCOMPLETE: 2 of 4 files could not be downloaded]"
    assert f"{mark} We used 2 of 4" in rendered["rendering"]
    saved = cite(dataset="1", save=True, format="cff")
    assert "it says not to cite: INCOMPLETE" in saved[0]["message"]
    assert "DO NOT CITE THIS AS IT IS" in (work / "1" / "CITATION.cff").read_text()


def test_the_command_is_that_of_the_last_run_record_as_datalad_takes_it(root):
    from datalad_stackpack.annex.locate import StackLocation
    from datalad_stackpack.citation.version import History

    made = git("log", "-1", "--format=%H", "--", "1").strip()
    history = History(StackLocation(root, root / "1", exists=True))
    message = git("log", "-1", "--format=%B", made)
    forged = (
        "text\n\n=== Do not change lines below ===\n"
        '{"cmd": "forged"}\n^^^ Do not change lines above ^^^\n'
    )
    git("commit", "--quiet", "--allow-empty", "-m", forged + message)
    sentence = history.commit(git("rev-parse", "HEAD").strip()).command
    assert sentence == history.commit(made).command
    assert sentence.startswith("datalad stackpack-add")


# --- several stacks, and single images --------------------------------------------------


def test_several_stacks_are_told_of_together(root, two_stacks):
    (*stacks, rendered) = cite()
    sentence = rendered["rendering"]
    assert [stack["commit"] for stack in stacks] == [stack["commit"] for stack in two_stacks[1]]
    assert sentence.startswith("We used images of 2 specimens from the archive at http://127.0.0.1")
    assert sentence.count("DataLad dataset") == sentence.count("each file identified") == 1
    lines = [line for line in sentence.splitlines() if line.startswith("- ")]
    assert lines[1] == (
        "- specimen 2 (Scnn1a-Tg2-Cre;Ai14-167081.03.02.01, Mus musculus, VISp4, Primary visual "
        "area, layer 4): 4 planes (sections 26 to 33, without 28, 29, 31 and 32), 4 projections "
        f"and the reconstruction, directory 2, commit {two_stacks[1][1]['commit']}"
    )
    assert len(json.loads(cite(format="csl-json")[-1]["rendering"])) == 2 + 3
    for name in ("cff", "datacite"):
        assert "is about one stack, and there are 2" in complaint(cite(format=name))


def test_images_are_listed_where_asked(root):
    manifest = json_text.read((root / "1" / "manifest.json").read_bytes())
    listed = text("1", images=True).split("Images of specimen 1:\n")[1]
    assert listed.splitlines() == [f"{entry.path}  {entry.url}" for entry in manifest.files]
    (result,) = text("1/planes/0003.jpg", images=True).split("\n\n")[-1].splitlines()[1:]
    assert result.startswith("planes/0003.jpg  http://127.0.0.1")
    assert len(text("1/planes", images=True).split("\n\n")[-1].splitlines()) == 1 + 6
    assert "is no image of specimen 1" in complaint(cite("1/planes/9.jpg", images=True))


def test_no_stack_no_citation(dataset):
    assert "has no stack: stackpack-add packs one" in complaint(cite())


# --- saved ------------------------------------------------------------------------------


def test_what_is_saved_is_committed_once_and_left_in_peace(root, commit):
    results = cite("1", save=True)
    assert [result["status"] for result in results] == ["ok", "ok"]
    assert git("status", "--porcelain") == ""
    assert git("show", "--format=", "--name-only").split() == ["1/CITATION.cff", "1/datacite.yml"]
    assert YAML(typ="safe").load(root / "1" / "CITATION.cff")["commit"] == commit
    printed = json.loads(cite("1", format="datacite")[-1]["rendering"])
    assert YAML(typ="safe").load(root / "1" / "datacite.yml") == printed

    head = git("rev-parse", "HEAD")
    assert {result["status"] for result in cite("1", save=True)} == {"notneeded"}
    done = subprocess.run(["datalad", "rerun"], capture_output=True, text=True, check=True)
    assert "datalad stackpack-cite -d . --save 1" in done.stdout
    assert git("rev-parse", "HEAD") == head
    assert git("status", "--porcelain") == ""

    from datalad.api import stackpack_check

    (checked,) = stackpack_check("1", content=True, **QUIET)
    assert checked["message"].startswith("nothing wrong")


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["1/planes/0003.jpg", "1/projections"], ["1/planes/0003.jpg", "1/projections"]),
        (["."], ["1"]),
    ],
)
def test_what_is_said_to_have_been_saved_is_what_a_rerun_saves(paths, words, root):
    assert all(result["status"] == "ok" for result in cite(*paths, save=True, images=True))
    saved = (root / "1" / "CITATION.cff").read_text()
    assert ("planes/0002.jpg" in saved) is (words == ["1"])
    head = git("rev-parse", "HEAD")
    record = git("log", "-1", "--format=%B", "--", "1").split("\n", 3)[3]
    command = json.loads(record.partition("\n^^^")[0])["cmd"]
    assert command == " ".join(["datalad stackpack-cite -d . --save --images", *words])
    subprocess.run(["datalad", "rerun"], capture_output=True, check=True)
    assert git("rev-parse", "HEAD") == head
    assert (root / "1" / "CITATION.cff").read_text() == saved


def test_packing_again_leaves_what_was_saved(root, served):
    from datalad.api import stackpack_add, stackpack_update

    cite("1", save=True, format="cff")
    head = git("rev-parse", "HEAD")
    again = stackpack_add(1, archive=served.url, **QUIET)
    assert {item["status"] for item in again} == {"notneeded"}
    assert stackpack_update("1", archive=served.url, **QUIET)[-1]["status"] == "notneeded"
    assert git("rev-parse", "HEAD") == head
    assert not (root / "1" / "datacite.yml").exists()


def test_a_file_of_somebody_elses_is_not_replaced(root):
    (root / "1" / "CITATION.cff").write_text("cff-version: 1.2.0\n")
    save_all()
    assert "is there, and another program wrote it" in complaint(cite("1", save=True))
    assert not (root / "1" / "datacite.yml").exists()
    git("rm", "--quiet", "1/CITATION.cff")
    save_all()
    cite("1", save=True)
    with (root / "1" / "CITATION.cff").open("a") as file:
        file.write("# mine\n")
    assert "has unsaved changes" in complaint(cite("1", save=True))
    save_all()
    assert cite("1", save=True)[0]["status"] == "ok"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "bibtext"}, "'bibtext' cannot be rendered: give one of text, bibtex,"),
        ({"format": "text", "save": True}, "cannot be saved: give one of cff, datacite"),
        ({"rev": "HEAD", "save": True}, "leave one out"),
    ],
)
def test_what_cannot_be_done_is_refused(root, options, message):
    (result,) = cite("1", **options)
    assert message in complaint([result])


# --- the program --------------------------------------------------------------------------


def test_the_program_prints_the_rendering_alone_and_warns_on_standard_error(root):
    (root / "1" / "planes" / "9.jpg").write_bytes(b"")
    words = ["datalad", "stackpack-cite", "--format", "csl-json", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "UNSAVED CHANGES" in json.loads(done.stdout)[0]["title"]
    assert done.stderr.startswith("stackpack-cite: DO NOT CITE THIS AS IT IS: ")
    words = ["datalad", "stackpack-cite", "--rev", "nope", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("stackpack-cite(error): ")
    assert len((done.stdout + done.stderr).splitlines()) == 1
