"""Files that are not as they were saved are refused, before they are read."""

import os
from time import perf_counter

import pytest
from saves import LOG, content_of

from sklabelcraft import ConditionalCDF, WatchTime
from sklabelcraft._saved import _folder
from sklabelcraft._saved._folder import ARRAYS, CONFIG
from sklabelcraft._saved._json import parse
from sklabelcraft.persistence import load, save

OLD, NEW = WatchTime(quantile=0.5), ConditionalCDF(by="item")


@pytest.fixture(scope="module")
def pair():
    """Two estimators, of which the one is saved in the place of the other."""
    return OLD.fit(LOG.frame), NEW.fit(LOG.frame)


@pytest.mark.parametrize("name", [CONFIG, ARRAYS])
def test_any_flipped_bit_is_refused(name, pair, tmp_path):
    """Wherever it is."""
    save(pair[0], tmp_path)
    raw = (tmp_path / name).read_bytes()
    for place in range(0, len(raw), max(1, len(raw) // 200)):
        flipped = bytearray(raw)
        flipped[place] ^= 1 << place % 8
        (tmp_path / name).write_bytes(flipped)
        with pytest.raises(ValueError, match=tmp_path.name):
            load(tmp_path)


@pytest.mark.parametrize("name", [CONFIG, ARRAYS])
@pytest.mark.parametrize("length", [0, 5, 8, 100, -1])
def test_a_cut_file_is_refused(name, length, pair, tmp_path):
    """However short it is."""
    save(pair[0], tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:length])
    with pytest.raises(ValueError, match=tmp_path.name):
        load(tmp_path)


@pytest.mark.parametrize("name", [CONFIG, ARRAYS])
def test_a_file_with_more_at_its_end_is_refused(name, pair, tmp_path):
    """Also if it is a blank."""
    save(pair[0], tmp_path)
    with (tmp_path / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(ValueError, match=tmp_path.name):
        load(tmp_path)


@pytest.mark.parametrize("name", [CONFIG, ARRAYS])
@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "device", "loop"])
def test_what_is_no_file_is_refused(kind, name, pair, tmp_path):
    """Without waiting for it, or following it."""
    save(pair[0], tmp_path)
    path = tmp_path / name
    path.rename(tmp_path / "elsewhere")
    make = {
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "link": lambda: path.symlink_to(tmp_path / "elsewhere"),
        "device": lambda: path.symlink_to("/dev/zero"),
        "loop": lambda: path.symlink_to(path),
    }
    make[kind]()
    with pytest.raises(ValueError, match="must be a file"):
        load(tmp_path)


def test_what_is_not_there_is_told(pair, tmp_path):
    """A folder, its config, or its arrays."""
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(FileNotFoundError, match=folder.name):
            load(folder)
    save(pair[0], tmp_path)
    (tmp_path / ARRAYS).unlink()
    with pytest.raises(ValueError, match="is missing"):
        load(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="must be a file"):
        load(tmp_path / "file")


def test_a_home_that_nobody_has_is_a_name_like_any_other():
    """As for a shell, which leaves it as it is."""
    with pytest.raises(FileNotFoundError):
        load("~nobody-of-this-name/saved")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ('{"b": {"a": 1, "c": 0, "a": 1}}', "'a' stands twice"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": -Infinity}', "-Infinity is no number"),
        ('{"a": 1e999}', "beyond float64"),
        ('{"a": ' + "9" * 5000 + "}", "digits"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested deeper"),
        ('{"a": ' + "[" * 70 + "]" * 70 + "}", "nested deeper"),
        ("[1]", "must be an object"),
        ("{} {}", "Extra data"),
        ("", "Expecting value"),
        ('{"a": "\\ud800"', "Expecting"),
    ],
)
def test_json_is_read_strictly(text, what):
    """Each name once, finite numbers, and no deeper than a save is."""
    with pytest.raises(ValueError, match=what):
        parse(text.encode(), "this")


def test_a_name_that_stands_twice_is_found_in_time():
    """Also among many others: in less than a second, rather than in hours."""
    names = "".join(f'"{i}": 0, ' for i in range(300_000))
    start = perf_counter()
    with pytest.raises(ValueError, match="'a' stands twice"):
        parse(f'{{{names}"a": 0, "a": 0}}'.encode(), "this")
    assert perf_counter() - start < 10


def test_json_of_other_bytes_is_refused():
    """Such as those of another encoding."""
    with pytest.raises(ValueError, match="utf-8"):
        parse('{"a": "é"}'.encode("latin-1"), "this")
    with pytest.raises(ValueError, match="not what a save holds"):
        parse('{"a": 1}'.encode("utf-16"), "this")


def write_header(folder, function):
    """Change the header of the arrays and what is stated of them, digests included."""
    content, _ = content_of(folder)
    raw = (folder / ARRAYS).read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = parse(raw[8 : 8 + length], "header")
    body = function(header, content["arrays"]["arrays"]) or raw[8 + length :]
    raw_header = _folder.json.dumps(header).encode()
    raw = len(raw_header).to_bytes(8, "little") + raw_header + body
    (folder / ARRAYS).write_bytes(raw)
    digest = _folder.hashlib.sha256(raw).hexdigest()
    content["arrays"] |= {"size": len(raw), "sha256": digest}
    (folder / CONFIG).write_bytes(_folder.config_of(content))


def enlarged(header, arrays):
    for each in (header, arrays):
        each["statistics_.keys"]["shape"] = [10 * 2**30 // 8]


def enlarged_beyond_any_file(header, arrays):
    enlarged(header, arrays)
    header["statistics_.keys"]["data_offsets"][1] = 10 * 2**30


def overlapping(header, arrays):
    header["statistics_.counts"]["data_offsets"] = header["statistics_.keys"][
        "data_offsets"
    ]


def with_a_gap(header, arrays):
    return b"\0" * 8 + b"\0" * 10**5


def of_another_type(header, arrays):
    for each in (header, arrays):
        each["statistics_.keys"]["dtype"] = "F8_E4M3"


def negative(header, arrays):
    for each in (header, arrays):
        each["statistics_.keys"]["shape"] = [-1, -8]


def renamed(header, arrays):
    header["../../model"] = header.pop("statistics_.keys")


def swapped(header, arrays):
    names = "statistics_.keys", "statistics_.counts"
    header[names[0]], header[names[1]] = header[names[1]], header[names[0]]
    header[names[0]]["more"] = 1


HEADERS = [enlarged, enlarged_beyond_any_file, overlapping, with_a_gap]
HEADERS += [of_another_type, negative, renamed, swapped]


@pytest.mark.parametrize("function", HEADERS)
def test_headers_that_no_save_has_are_refused(function, pair, tmp_path):
    """Before any of the arrays is read."""
    save(pair[0], tmp_path)
    write_header(tmp_path, function)
    with pytest.raises(ValueError, match="array"):
        load(tmp_path)


def test_a_header_may_not_be_large(pair, tmp_path):
    """However large the file says that it is."""
    save(pair[0], tmp_path)
    write_header(tmp_path, lambda header, _: None)
    content, _ = content_of(tmp_path)
    for length in (2**63, 10**6 + 1, content["arrays"]["size"]):
        raw = (tmp_path / ARRAYS).read_bytes()
        raw = length.to_bytes(8, "little") + raw[8:]
        (tmp_path / ARRAYS).write_bytes(raw)
        content["arrays"]["sha256"] = _folder.hashlib.sha256(raw).hexdigest()
        (tmp_path / CONFIG).write_bytes(_folder.config_of(content))
        with pytest.raises(ValueError, match="header of at most"):
            load(tmp_path)


STATED = [None, [], {}, {"size": 8, "sha256": ""}, {"more": 1}]
STATED += [{"size": 7}, {"size": -1}, {"size": True}, {"size": 1e3}, {"size": 2**60}]
STATED += [{"sha256": None}, {"sha256": "0" * 64}, {"arrays": []}, {"arrays": {}}]
STATED += [{"arrays": {"statistics_.keys": 1}}]


@pytest.mark.parametrize("stated", STATED)
def test_what_is_stated_of_the_arrays_must_be_all_of_it(stated, pair, tmp_path):
    """Their size, their digest, and each of them."""
    save(pair[0], tmp_path)
    content, _ = content_of(tmp_path)
    if stated and len(stated) == 1:
        stated = content["arrays"] | stated
    content["arrays"] = stated
    (tmp_path / CONFIG).write_bytes(_folder.config_of(content))
    with pytest.raises(ValueError, match=tmp_path.name):
        load(tmp_path)
