"""Reference data: a good folder is read whole, a bad line is told with file, line and cause."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.reference import BadReference, Reference, load

COUNTY = Path(__file__).parents[1] / "data" / "county"
NETWORKS = "network,kind,display_name,time_zone,codes"
FACILITIES = "facility_id,name,tier,region,area_class,host_kind,functions,operators,lat,lon"
TARGETS = "stage,service,area_class,target"
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
]
GOOD = {
    "networks.csv": ZTO,
    "facilities.csv": VILLAGE,
    "targets.csv": 'whole,STANDARD,NEAR,"MO,WE,FR@20:00"',
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


@pytest.mark.parametrize("line", [lambda good: good.split(",")[0], lambda good: good + ",x"])
@pytest.mark.parametrize(
    ("name", "head"), [("networks.csv", NETWORKS), ("facilities.csv", FACILITIES), ("targets.csv", TARGETS)]
)
def test_a_line_of_another_length_is_told(tmp_path: Path, name: str, head: str, line: Callable[[str], str]) -> None:
    (tmp_path / name).write_text(f"{head}\n{line(GOOD[name])}\n", "utf-8")
    with pytest.raises(BadReference, match=f"{name}, line 2: has more or fewer cells"):
        load(tmp_path)
