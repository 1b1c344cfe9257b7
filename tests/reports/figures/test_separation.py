import io
import wave

import numpy as np
import pytest

from reports.figures.figure import Sound
from reports.figures.separation import separated, side_by_side


def read_wav(content):
    """(samples, sample rate) of a mono WAV file of 16 bits."""
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2"), file.getframerate()


def test_a_sound_is_a_wav_file_of_its_samples():
    samples = np.array([0, 1, -1, 32767, -32768], dtype=np.int16)
    read, rate = read_wav(Sound(name="x", samples=samples, sample_rate=11_025).wav())
    assert (read.tolist(), rate) == (samples.tolist(), 11_025)


def test_each_pair_has_its_mixture_estimates_and_references_to_listen_to(whole_study, whole_home, results):
    figures = separated(whole_study)
    ((number, _), *_) = results("separation", "cavl", "c1", "mask")
    assert [[r.id for r in f.runs] for f in figures] == [[number], [number]]
    with np.load(whole_home / str(number) / "examples.npz") as kept:
        for i, figure in enumerate(figures):
            played = [read_wav(sound.wav()) for sound in figure.sounds]
            expected = [kept["mixture"][i]]
            for source in (0, 1):
                expected += [kept["estimates"][i, source], kept["references"][i, source]]
            assert [rate for _, rate in played] == [8_000] * 5
            assert all(np.array_equal(samples, wanted) for (samples, _), wanted in zip(played, expected, strict=True))
    assert [sound.name for sound in figures[0].sounds] == [
        "mixture",
        "bell, separated (SDR 6.2 dB)",
        "bell, reference",
        "drum, separated (SDR 3.5 dB)",
        "drum, reference",
    ]
    assert figures[1].sounds[1].name.endswith("separated (SDR 0.0 dB)")  # -0.01 dB
    assert "CAVL c1 mask (located with the mixture), seed 1: pair 0 of pairs.csv" in figures[0].caption


def test_every_system_is_heard_beside_the_others_on_the_same_mixture(writer, study_of, tmp_path):
    writer.separate("cavl", "c1", 1, 5.0)
    writer.plan()
    assert side_by_side(study_of(writer.home)) == []
    writer.separate("cavl", "c1", 2, 5.0)
    writer.separate("sound-of-pixels", "c1", 2, 5.0, None, able=False)
    other = writer.home / "3" / "examples.npz"
    with np.load(other) as kept:
        arrays = {name: kept[name] for name in kept.files}
    arrays["references"] = np.stack([arrays["references"][0], arrays["references"][1] + 1])  # other sounds
    np.savez(other, **arrays)
    writer.plan()
    (figure,) = side_by_side(study_of(writer.home))
    assert [run.id for run in figure.runs] == [1, 3]
    names = ["CAVL c1 mask (located with the mixture)", "Sound-of-Pixels c1"]
    assert [sound.name for sound in figure.sounds] == [
        *("mixture", "bell, reference", "drum, reference"),
        *(f"{name}: {kind}" for name in names for kind in ("bell (SDR 6.2 dB)", "drum (SDR 3.5 dB)")),
    ]
    played, _ = read_wav(figure.sounds[5].wav())
    assert np.array_equal(played, arrays["estimates"][0, 0])
    figure.draw().savefig(tmp_path / "together.png")


def test_the_caption_says_what_the_sound_makers_were_located_with(writer, study_of):
    writer.separate("cavl", "c1", 1, 5.0, "mask", located="solo")
    writer.plan()
    caption = separated(study_of(writer.home))[0].caption
    assert caption.startswith("CAVL c1 mask (located with the solo), seed 1: pair 0 of pairs.csv")
    assert "mixture" not in caption
    assert "the first pairs whose two sounds were scored" in caption


def test_a_kind_is_no_formula(writer, study_of, tmp_path):
    writer.separate("cavl", "c1", 1, 5.0, "mask")
    writer.plan()
    path = writer.home / "1" / "examples.npz"
    with np.load(path) as kept:
        arrays = {name: kept[name] for name in kept.files}
    odd = r"$\frac$ bell"
    np.savez(path, **{**arrays, "kinds": np.array([[odd, "drum"]] * 2)})
    canvas = separated(study_of(writer.home))[0].draw()
    canvas.savefig(tmp_path / "odd.png")
    assert odd in {panel.get_title() for panel in canvas.axes}


def test_the_picture_holds_what_the_file_holds(whole_study, whole_home, results):
    figure = separated(whole_study)[0]
    panels = figure.draw().axes
    ((number, _), *_) = results("separation", "cavl", "c1", "mask")
    with np.load(whole_home / str(number) / "examples.npz") as kept:
        shown = {panel.get_title(): [np.asarray(image.get_array()) for image in panel.images] for panel in panels}
        assert np.array_equal(shown["mixture"][0], kept["mixture_spec"][0])
        assert np.array_equal(shown["separated: SDR 3.5 dB"][0], kept["estimate_specs"][0, 1])
        assert np.array_equal(shown["drum"][1], kept["heatmaps"][0, 1])
    scales = {panel.images[0].get_clim() for panel in panels if panel.get_title() not in ("bell", "drum")}
    assert scales == {(0, 5)}  # one scale, silence being black


def test_another_network_is_shown_where_the_papers_has_a_damaged_file(writer, study_of):
    writer.separate("cavl", "c1", 1, 5.0, "mask")
    writer.separate("cavl", "c1-c2", 1, 5.0, "mask")
    writer.plan()
    (writer.home / "1" / "examples.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.warns(UserWarning, match=r"examples\.npz cannot be read"):
        figures = separated(study_of(writer.home))
    assert [f.runs[0].id for f in figures] == [2, 2]


def test_a_method_that_locates_nothing_shows_its_images_alone(writer, study_of):
    writer.separate("sound-of-pixels", "own", 1, 6.0, None, able=False)
    writer.plan()
    path = writer.home / "1" / "examples.npz"
    with np.load(path) as kept:
        arrays = {name: kept[name] for name in kept.files if name != "heatmaps"}
    np.savez(path, **arrays)
    figure = separated(study_of(writer.home))[0]
    assert figure.caption.startswith("Sound-of-Pixels, seed 1")
    assert "heatmap" not in figure.caption
    panels = {panel.get_title(): panel for panel in figure.draw().axes}
    assert np.array_equal(panels["bell"].images[0].get_array(), arrays["images"][0, 0])


def test_no_examples_are_no_figures(writer, study_of):
    writer.separate("cavl", "c1", 1, 5.0, files={"items.csv": ""})
    writer.plan()
    assert separated(study_of(writer.home)) == []
