"""The curves as files."""

import csv
import math
import xml.etree.ElementTree as Xml

import pytest

from fs2_tui.curves.export import export
from fs2_tui.curves.paper import PLOT, SERIES, paler
from fs2keras.errors import UserError
from fs2keras.rundir.columns import Column, as_json, step_columns
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.table import Table
from fs2keras.rundir.watch import Snapshot

COLUMNS = as_json(step_columns([Column("loss", "loss", "", "loss"), Column("mel", 'mel <"&>', "L1", "loss")]))
SVG = "{http://www.w3.org/2000/svg}"


def snapshot(name, rows=60, spike=None):
    steps = Table(("step", "epoch", "elapsed_s", "loss", "mel", "learning_rate"))
    for i in range(1, rows + 1):
        mel = 1 + math.exp(-i / 20) if i != spike else 500.0
        steps.extend([i * 10, i // 10, i * 2.5, 2 * mel, mel, 1e-3])
    validation = Table(("step", "loss", "mel"))
    for step in (100, 205, 400):
        validation.extend([step, 2.5, 1.25])
    return Snapshot(RunDir(name), record={"columns": COLUMNS}, steps=steps, validation=validation)


def test_svg_has_a_plot_for_each_column_and_a_line_for_each_curve(tmp_path):
    path = tmp_path / "curves.svg"
    export([snapshot("alpha"), snapshot("beta", rows=30)], path)
    root = Xml.parse(path).getroot()
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"loss", 'mel <"&>  (L1)', "learning rate", "alpha", "beta", "validation"} <= set(texts)
    assert "training time  (s)" not in texts
    strokes = [line.get("stroke") for line in root.iter(f"{SVG}polyline")]
    assert strokes.count(paler(SERIES[0])) == 3
    assert strokes.count(SERIES[1]) == 3 + 2 + 1, "smoothed in three plots, validated in two, and in the legend"


def test_svg_points_stay_on_the_page(tmp_path):
    path = tmp_path / "curves.svg"
    export([snapshot("alpha", spike=40)], path, columns=["mel"])
    root = Xml.parse(path).getroot()
    width, height = float(root.get("width")), float(root.get("height"))
    assert width < 2 * PLOT[0]
    for line in root.iter(f"{SVG}polyline"):
        for point in line.get("points").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height
    assert "up to 500" in [text.text for text in root.iter(f"{SVG}text")]


def test_png_shows_every_run_in_its_colour(tmp_path):
    from PIL import Image

    path = tmp_path / "curves.png"
    export([snapshot("alpha"), snapshot("beta", rows=30)], path, columns=["loss"])
    with Image.open(path) as picture:
        found = [colour for _, colour in picture.getcolors(1 << 20)]
    for colour in SERIES[:2]:
        wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert min(max(abs(a - b) for a, b in zip(wanted, other, strict=True)) for other in found) < 16


def test_csv_holds_the_rows_smoothed_and_validated(tmp_path):
    path = tmp_path / "curves.csv"
    export([snapshot("alpha"), snapshot("beta", rows=30)], path, columns=["mel"])
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["run", "step", "epoch", "elapsed_s", "mel", "mel smoothed", "mel validation"]
    alpha = {row["step"]: row for row in rows if row["run"] == "alpha"}
    assert len(alpha) == 61, "sixty rows, and the validation between two of them"
    assert list(alpha) == sorted(alpha, key=int)
    assert float(alpha["100"]["mel"]) == pytest.approx(1 + math.exp(-0.5), rel=1e-6)
    assert alpha["100"]["mel validation"] == "1.25"
    assert float(alpha["100"]["mel smoothed"]) > float(alpha["100"]["mel"]), "smoothing lags behind a fall"
    assert alpha["205"]["mel"] == ""
    assert alpha["110"]["mel validation"] == ""
    assert len([row for row in rows if row["run"] == "beta"]) == 30 + 2, "validations at 205 and 400 have no row"


def test_numbers_that_are_none_are_written_as_they_are(tmp_path):
    broken = snapshot("alpha", rows=3)
    broken.steps.extend([40, 0, 10.0, math.nan, math.inf, 1e-3])
    path = tmp_path / "curves.csv"
    export([broken], path)
    with open(path, newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["step"] == "40")
    assert (row["loss"], row["loss smoothed"], row["mel"]) == ("nan", "nan", "inf")
    for ending in ("svg", "png"):
        export([broken], tmp_path / f"curves.{ending}")
        assert (tmp_path / f"curves.{ending}").stat().st_size > 1000


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("ending", ["svg", "png", "csv"])
def test_a_run_that_has_just_begun(tmp_path, rows, ending):
    export([snapshot("alpha", rows=rows)], tmp_path / f"curves.{ending}")
    assert (tmp_path / f"curves.{ending}").stat().st_size > 50


@pytest.mark.parametrize("axis", ["epoch", "hours"])
def test_other_axes(tmp_path, axis):
    export([snapshot("alpha")], tmp_path / "curves.svg", axis=axis)
    assert f">{axis}<" in (tmp_path / "curves.svg").read_text()


def test_what_cannot_be_exported_is_said(tmp_path):
    run = snapshot("alpha")
    with pytest.raises(UserError, match=r"curves\.pdf: unknown ending.*\.svg, \.png or \.csv"):
        export([run], tmp_path / "curves.pdf")
    with pytest.raises(UserError, match="no run has the column mell. There are: loss, mel, "):
        export([run], tmp_path / "curves.svg", columns=["mell"])
    with pytest.raises(UserError, match="empty/steps.csv: no steps yet"):
        export([Snapshot(RunDir("empty"))], tmp_path / "curves.svg")
    with pytest.raises(UserError, match="cannot be written"):
        export([run], tmp_path / "nowhere" / "curves.svg")
    assert not list(tmp_path.iterdir())


def test_the_ending_may_be_in_capitals(tmp_path):
    export([snapshot("alpha")], tmp_path / "CURVES.SVG")
    assert (tmp_path / "CURVES.SVG").read_text().startswith("<svg")
