"""Reference data: a good folder is read whole, a bad line is told with file, line and cause."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.reference import BadReference, Reference, load

COUNTY = Path(__file__).parents[1] / "data" / "county"
NETWORKS = "network,kind,display_name,time_zone,codes"
FACILITIES = "facility_id,name,tier,region,area_class,host_kind,functions,operators,lat,lon"
TARGETS = "stage,service,area_class,target"
OWN_TARGETS = "stage,service,area_class,target,operator,valid_from"
ZTO = "zto,CARRIER,中通快递,Asia/Shanghai,ZTO;zhongtong"
VILLAGE = "V-1,云岭村,VILLAGE,520330102208,FAR,SHOP,PICKUP,zto;sf,27.5,106.9"


def test_the_sample_county_is_read() -> None:
    county = load(COUNTY)

    assert county.networks["sf"].codes == ("SF", "shunfeng")
    assert county.facilities["C-520330"].operators[:2] == ("county-joint", "china-post")
    assert min(len(county.networks), len(county.facilities), len(county.targets)) >= 8
    assert {target.stage for target in county.targets} >= {"first_mile", "village_delivery"}


def test_look_ups(tmp_path: Path) -> None:
    (tmp_path / "networks.csv").write_text(f"{NETWORKS}\n{ZTO}\n", "utf-8")
    (tmp_path / "facilities.csv").write_text(f"{FACILITIES}\n{VILLAGE}\nC-1,县,COUNTY,520330000000,,,,,,\n", "utf-8")
    county = load(tmp_path)

    assert county.network_by_code() == {"zto": "zto", "ZTO": "zto", "zhongtong": "zto"}
    assert county.facility_by_name()["云岭村"].lat == 27.5
    assert county.facilities["C-1"].lat is None
    assert county.facilities["C-1"].operators == ()
    assert county.area_class_of() == {"520330102208": "FAR"}
    assert county.targets == ()


def test_an_empty_folder_is_no_reference_data(tmp_path: Path) -> None:
    assert load(tmp_path) == Reference({}, {}, ())


BAD = [
    ("networks.csv", NETWORKS, ZTO.replace("CARRIER", "TRAIN"), "kind 'TRAIN' is none of CARRIER, POST, LOCKER"),
    ("networks.csv", NETWORKS, ZTO.replace("Asia/Shanghai", "Asia/Yunling"), "time_zone 'Asia/Yunling' is not known"),
    ("networks.csv", NETWORKS, ZTO.replace("Asia/Shanghai", "../zone"), "time_zone '../zone' is not known"),
    ("networks.csv", NETWORKS.replace("kind", "sort"), ZTO, "column 'kind' is missing"),
    (
        "facilities.csv",
        FACILITIES,
        VILLAGE.replace("520330102208", "5203301022"),
        "region '5203301022' has not 12 digits",
    ),
    ("facilities.csv", FACILITIES, VILLAGE.replace("VILLAGE", "HAMLET"), "tier 'HAMLET' is none of UNKNOWN, "),
    ("facilities.csv", FACILITIES, VILLAGE.replace("FAR", "AWAY"), "area_class 'AWAY' is none of , NEAR, FAR, REMOTE"),
    ("facilities.csv", FACILITIES, VILLAGE.replace("27.5", "north"), "could not convert string to float: 'north'"),
    ("targets.csv", TARGETS, "flight,STANDARD,NEAR,24", "stage 'flight' is none of collection, "),
    ("targets.csv", TARGETS, "whole,SLOW,NEAR,24", "service 'SLOW' is none of STANDARD, EXPRESS, FRESH"),
    ("targets.csv", TARGETS, "whole,STANDARD,HERE,24", "area_class 'HERE' is none of NEAR, FAR, REMOTE, ANY"),
    ("targets.csv", TARGETS, "whole,STANDARD,NEAR,soon", "target 'soon' is neither hours (24) nor trips"),
    ("targets.csv", TARGETS, 'whole,STANDARD,NEAR,"MO,XX@20:00"', "target 'MO,XX@20:00' is neither"),
    ("targets.csv", TARGETS, "whole,STANDARD,NEAR,MO@24:00", "target 'MO@24:00' is neither"),
    ("targets.csv", TARGETS, "whole,STANDARD,NEAR,48", "says again what an earlier line says"),
    ("holidays.csv", "date,name", "2026-02-30,x", "date '2026-02-30' is no date (2026-03-01)"),
    ("holidays.csv", "date,name", "20260217,x", "date '20260217' is no date"),
    ("holidays.csv", "date,name", "2026-02-17,again", "says again what an earlier line says"),
    ("silence.csv", "stage,hours", "flight,24", "stage 'flight' is none of collection, "),
    ("silence.csv", "stage,hours", "whole,0", "hours '0' is no number of hours from 1 to 9999"),
    ("silence.csv", "stage,hours", "county,36", "says again what an earlier line says"),
    ("free_time.csv", "operator,hours", "sf,1.5", "hours '1.5' is no number of hours"),
    ("free_time.csv", "operator,hours", "zto,36", "says again what an earlier line says"),
]
GOOD = {
    "networks.csv": ZTO,
    "facilities.csv": VILLAGE,
    "targets.csv": 'whole,STANDARD,NEAR,"MO,WE,FR@20:00"',
    "holidays.csv": "2026-02-17,Spring Festival",
    "silence.csv": "county,24",
    "free_time.csv": "zto,48",
}


@pytest.mark.parametrize(("name", "head", "line", "cause"), BAD)
def test_a_bad_line_is_told_with_file_line_and_cause(
    tmp_path: Path, name: str, head: str, line: str, cause: str
) -> None:
    lines = [head, line] if "is missing" in cause else [head, GOOD[name], line]
    (tmp_path / name).write_text("\n".join(lines), "utf-8")

    with pytest.raises(BadReference) as raised:
        load(tmp_path)
    assert str(raised.value).startswith(f"{name}, line {len(lines)}: {cause}")


@pytest.mark.parametrize(
    ("name", "head"), [("networks.csv", NETWORKS), ("facilities.csv", FACILITIES), ("targets.csv", TARGETS)]
)
def test_the_good_lines_among_the_bad_ones_are_good(tmp_path: Path, name: str, head: str) -> None:
    (tmp_path / name).write_text(f"{head}\n{GOOD[name]}\n", "utf-8")
    found = load(tmp_path)
    assert len(found.networks) + len(found.facilities) + len(found.targets) == 1


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("county,STANDARD,NEAR,24,fedex,", "operator 'fedex' is none of ANY, zto"),
        ("county,STANDARD,NEAR,24,ANY,", "operator 'ANY' is written as an empty cell"),
        ("county,STANDARD,NEAR,24,zto,1 March", "valid_from '1 March' is no date"),
    ],
)
def test_an_operator_or_a_day_that_is_none_is_told(tmp_path: Path, line: str, cause: str) -> None:
    (tmp_path / "networks.csv").write_text(f"{NETWORKS}\n{ZTO}\n", "utf-8")
    (tmp_path / "targets.csv").write_text(f"{OWN_TARGETS}\ncounty,STANDARD,NEAR,24,,\n{line}\n", "utf-8")
    with pytest.raises(BadReference, match=f"targets.csv, line 3: {cause}"):
        load(tmp_path)


def test_promises_are_read_from_their_files(tmp_path: Path) -> None:
    """One key may have an operator's row, rows of several days, and the row for all."""
    lines = ["county,STANDARD,NEAR,24,,", "county,STANDARD,NEAR,12,zto,", "county,STANDARD,NEAR,6,zto,2026-03-01"]
    files = {"holidays.csv": "date,name\n2026-02-18,b\n2026-02-17,a", "silence.csv": "stage,hours\ncounty,24"}
    files |= {"targets.csv": "\n".join([OWN_TARGETS, *lines]), "free_time.csv": "operator,hours\nANY,24\nzto,48"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    found = load(tmp_path)

    assert [(t.operator, t.valid_from) for t in found.targets] == [("", ""), ("zto", ""), ("zto", "2026-03-01")]
    assert found.holidays == ("2026-02-17", "2026-02-18")
    assert (found.silence, found.free_time) == ({"county": 24}, {"ANY": 24, "zto": 48})


@pytest.mark.parametrize("line", [lambda good: good.split(",")[0], lambda good: good + ",x"])
@pytest.mark.parametrize(
    ("name", "head"), [("networks.csv", NETWORKS), ("facilities.csv", FACILITIES), ("targets.csv", TARGETS)]
)
def test_a_line_of_another_length_is_told(tmp_path: Path, name: str, head: str, line: Callable[[str], str]) -> None:
    (tmp_path / name).write_text(f"{head}\n{line(GOOD[name])}\n", "utf-8")
    with pytest.raises(BadReference, match=f"{name}, line 2: has more or fewer cells"):
        load(tmp_path)
