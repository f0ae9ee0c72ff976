"""Experiment files: what is read, and the one line that says what is wrong and where."""

from pathlib import Path

import pytest
import yaml

from local_runner.documents import DocumentError, load_documents


def read(tmp_path: Path, text: str | bytes) -> list[object]:
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [document.manifest for document in load_documents(str(path))]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-.5", -0.5),
        ("0x1F", 31),
        ("010", 8),
        ("08", "08"),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("'1'", "1"),
        ("=", "="),
        ("yes", True),
        ("~", None),
    ],
)
def test_scalars_are_read_as_kubernetes_reads_them(tmp_path: Path, text: str, value: object) -> None:
    assert read(tmp_path, f"a: {text}") == [{"a": value}]


def test_tags_that_another_library_taught_pyyaml_are_still_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml.SafeLoader, "yaml_multi_constructors", {"!": lambda *_: "made"})

    with pytest.raises(DocumentError, match="could not determine a constructor for the tag"):
        read(tmp_path, "a: !Ref x")


def test_json_is_yaml(tmp_path: Path) -> None:
    assert read(tmp_path, '{"a": {"b": [1, 2.5, "x"]}}') == [{"a": {"b": [1, 2.5, "x"]}}]


def test_documents_without_content_are_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, "---\na: 1\n---\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]


def test_a_list_as_kubectl_prints_it_is_taken_apart(tmp_path: Path) -> None:
    assert read(tmp_path, "kind: List\nitems: [{a: 1}, {b: 2}]") == [{"a": 1}, {"b": 2}]


def test_messages_about_one_of_several_documents_name_it(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text("a: 1\n---\nb: 2\n")

    places = [document.place for document in load_documents(str(tmp_path / "two.yaml"))]

    assert [place.removeprefix(str(tmp_path)) for place in places] == ["/two.yaml: document 1", "/two.yaml: document 2"]


def test_merge_keys_and_keys_that_are_no_text_become_json(tmp_path: Path) -> None:
    text = "base: &b {p: 1}\nmore:\n  <<: *b\n  true: 2\n  3: 4\n"

    assert read(tmp_path, text) == [{"base": {"p": 1}, "more": {"p": 1, "true": 2, "3": 4}}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2", "file.yaml:2: expected ',' or ']', but got ':'"),
        ("a: b: c", "file.yaml:1: mapping values are not allowed here"),
        ("a:\n\tb: 1", "file.yaml:2: found character '\\t' that cannot start any token"),
        ("a: 1\nb: 2\na: 3", "file.yaml:3: key 'a' is given twice"),
        (b"a: 1\nb: \xff\n", "file.yaml:2: is not UTF-8 text"),
        ("a: 1\nb: \x01", "file.yaml:2: special characters are not allowed"),
        ("", "file.yaml: holds no Experiment"),
        ("# only a comment\n---\n", "file.yaml: holds no Experiment"),
        ("- 1", "file.yaml: must be an object with apiVersion, kind, metadata and spec"),
        ("a: .nan", "file.yaml:1: a: .nan is no number that JSON can write"),
        ("a:\n- b\n- c:\n    d: -.inf\n", "file.yaml:4: a[1].c.d: -.inf is no number that JSON can write"),
        ("a: 1\n---\nb: 1e999", "file.yaml:3: b: 1e999 is no number that JSON can write"),
        ("a: &x [.inf]\nb: *x", "file.yaml:1: a[0]: .inf is no number that JSON can write"),
        ("{? [1] : .inf}", "file.yaml:1: ?: .inf is no number that JSON can write"),
        ("a: !!binary aGk=", "file.yaml: a value of type bytes is nothing that JSON can write"),
        ("a: !python/name:os.system x", "could not determine a constructor for the tag"),
        ("a: &a [*a]", "file.yaml: is nested too deeply"),
        ("[" * 5_000, "file.yaml: is nested too deeply"),
    ],
)
def test_a_bad_file_is_one_line_with_its_place(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DocumentError) as refused:
        read(tmp_path, text)

    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_aliases_cannot_grow_without_bound(tmp_path: Path) -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    with pytest.raises(DocumentError, match="more than 100000 values"):
        read(tmp_path, "\n".join(lines))


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="is larger than 1024 KiB"):
        read(tmp_path, "a: " + "x" * 1024 * 1024)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"nowhere\.yaml: No such file or directory"):
        load_documents(str(tmp_path / "nowhere.yaml"))
    with pytest.raises(DocumentError, match="Is a directory"):
        load_documents(str(tmp_path))
