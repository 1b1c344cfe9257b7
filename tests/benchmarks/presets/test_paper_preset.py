"""The preset ``paper`` against the numbers that §4.2 and §6 print, and its rehearsal."""

import re
import shutil
from dataclasses import replace

import pytest
import torch

from baselines.attention import SOUNDNET, AttentionConfig, lengths
from baselines.avts import AVTSConfig
from baselines.l3 import L3Config
from benchmarks import presets
from benchmarks.datasets.paper import PaperData
from benchmarks.orchestration.request import Request, jobs_of
from benchmarks.orchestration.scheduler import State
from benchmarks.presets import load
from cavl.config import ConfigError, from_dict, to_dict
from cavl.counting import Counter, CounterConfig
from cavl.model import CAVL, CAVLConfig
from cavl.separation import UNet
from tests import paper_data
from tests.plain_config import resolve, run_config

PAPER = load("paper")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Where prepared data sets are looked for; none is there."""
    monkeypatch.setenv("CAVL_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_the_networks_have_the_paper_s_sizes():
    config = from_dict(CAVLConfig, PAPER.methods["cavl"].model)
    spectrogram = config.spectrogram
    assert (spectrogram.window, spectrogram.hop, spectrogram.bins, spectrogram.frames) == (1022, 256, 512, 432)
    assert 0 <= spectrogram.samples - 10 * spectrogram.sample_rate < spectrogram.hop, "10 s, and not a frame more"
    with torch.device("meta"):
        model = CAVL(config)
        audio = model.audio_trunk(torch.empty(1, 1, 512, 432))
        visual = model.visual_trunk(torch.empty(1, 3, 256, 256))
        assert audio.shape == (1, 512, 64, 54)
        assert visual.shape == (1, 512, 16, 16)
        assert [tuple(m.weight.shape[:2]) for m in model.audio_encoder] == [(512, 512)]
        head = Counter(CounterConfig(hidden=PAPER.evaluations["counting"].hidden), model.audio_network()).head
        assert [(m.in_features, m.out_features) for m in head if hasattr(m, "in_features")] == [(512, 512), (512, 1)]
        separator = PAPER.evaluations["separation"].network
        assert separator.channels == (16, 32, 64, 128, 256, 512)
        bins, frames = separator.spectrogram.bins, separator.spectrogram.frames
        masks = UNet(separator.channels, 512)(torch.empty(2, 1, bins, frames), torch.empty(2, 2, 512))
        assert masks.shape == (2, 2, bins, frames)
    assert config == CAVLConfig(), "what the model takes for the paper's is what the preset writes out"
    assert (separator.loss, separator.conditioning) == ("plain", "mask")


def test_the_schedules_are_the_paper_s_where_it_says_one():
    orderings = PAPER.methods["cavl"].orderings(1)
    assert [stage.lr for stage in orderings["c1-c2-c3-c4"]] == [1e-4, 1e-5, 1e-6, 1e-7]
    assert [stage.curricula for stage in orderings["c1-c2-c3-c4"]] == [(1,), (2,), (3,), (4,)]
    curricula = zip(orderings["c1-c2-c3-c4"], (9239, 7098, 2685, 421), strict=True)
    epochs = [stage.updates * PAPER.training.batch / clips for stage, clips in curricula]
    assert [round(e) for e in epochs] == [52, 50, 48, 76], "as the preset and docs/protocols.md say"
    assert CAVL.recipe == {"optimizer": "adam"}
    assert Counter.recipe == {"optimizer": "sgd", "momentum": 0.9}
    assert (PAPER.evaluations["counting"].lr, PAPER.evaluations["counting"].decay) == (1e-2, 0.5)
    assert PAPER.evaluations["separation"].lr == 1e-4
    avts = PAPER.methods["avts"].orderings(1)["curriculum"]
    assert avts[0].updates / avts[1].updates == pytest.approx(50 / 40, rel=0.01)
    assert avts[0].updates * PAPER.training.batch / 9239 == pytest.approx(50, rel=0.01)
    papers = {"untrained", "c0", "c1", "c1-c2", "c1-matched", "c1-c2scene", "c3", "mixed"}
    assert papers <= set(PAPER.methods["cavl"].runs)
    later = PAPER.methods["cavl"].orderings(1)["c1-c2-c3"][2]
    assert f"c3@{later.updates}" in PAPER.methods["cavl"].runs, "Fig 4b compares equal numbers of updates on C3"


def test_the_other_methods_have_their_papers_sizes_at_the_prepared_rate():
    l3 = from_dict(L3Config, PAPER.methods["l3"].model)
    assert (l3.bins, l3.spectrogram_frames, l3.image_size, l3.channels) == (257, 199, 224, (64, 128, 256, 512))
    attention = from_dict(AttentionConfig, PAPER.methods["attention"].model)
    published = lengths(220_500, SOUNDNET)
    assert lengths(attention.window, attention.sound_layers)[1:] == published[1:]
    assert attention.image_size == 320
    assert from_dict(AVTSConfig, PAPER.methods["avts"].model) == AVTSConfig()
    rates = {m: getattr(from_dict(presets.method_class(m).Config, p.model), "sample_rate", None) for m, p in methods()}
    assert set(rates.values()) - {None} == {11_025}


def methods():
    return [(name, part) for name, part in PAPER.methods.items() if name != "spectrogram-statistics"]


def test_separation_is_learned_where_the_sounds_are(data):
    jobs = jobs_of(Request(preset="paper", seeds=1))
    separations = [j for j in jobs if j.config.task == "separation"]
    guides = {j.config.method: {(d.pretraining, d.separation)} for j in separations if (d := j.config.data)}
    assert guides == {
        "cavl:music": {("music", "music")},
        "cavl:instrument": {("audioset_instrument", "audioset_instrument")},
        **{f"{name}:music": {("music", "music")} for name in ("sound-of-pixels", "av-mix-sep")},
        "sound-of-pixels:instrument": {("audioset_instrument", "audioset_instrument")},
        **{name: {("audioset", "music")} for name in ("mean-spectrum", *presets.FACTORING)},
        **{f"{name}:instrument": {("audioset_instrument", "audioset_instrument")} for name in presets.FACTORING},
    }
    found = {(j.config.method, j.config.ordering, j.variant) for j in separations}
    assert {("cavl:music", "c1", "mask"), ("cavl:music", "c1", "center"), ("cavl:music", "c1-c2", "mask")} <= found
    assert {("cavl:instrument", "c1", "mask"), ("cavl:instrument", "c1", "center")} <= found
    others = {j.config.task for j in jobs if ":" in j.config.method and j.config.method in guides}
    assert others == {"pretrain", "separation"}
    pretrained = {j.key for j in jobs if j.config.task == "pretrain" and j.config.method == "cavl"}
    assert not pretrained & {p.key for j in separations for p in j.parents}, "other data are other runs"


def test_the_cost_that_its_docstring_states_is_that_of_the_plan(data):
    jobs = {step.key: step for job in jobs_of(Request(preset="paper", seeds=1)) for step in job.chain()}.values()
    updates = sum(job.updates for job in jobs)
    of_separation = sum(job.updates for job in jobs if job.config.task == "separation")
    said = re.search(r"about ([\d,]+) updates a seed .* ([\d,]+) of them", presets.paper.__doc__, re.DOTALL)
    assert [int(number.replace(",", "")) for number in said.groups()] == [updates, of_separation]


def test_what_looks_at_no_training_annotation_needs_none(data):
    boxes = {f"image{i}": [[1, 1, 60, 60], [1, 1, 60, 60]] for i in range(3)}
    paper_data.flickr_soundnet(data, boxes, {})
    (job,) = jobs_of(Request(preset="paper", seeds=1, methods=("full-frame",)))
    (mean,) = jobs_of(Request(preset="paper", seeds=1, methods=("mean-training-map",)))
    assert job.sets == ("test 1",)
    assert mean.sets == ("test 1", "train 1")
    before = {job.key, mean.key}
    shutil.rmtree(data / "flickr_soundnet")
    paper_data.flickr_soundnet(data, boxes, {"other": [[1, 1, 9, 9]]})
    after = {j.key for j in jobs_of(Request(preset="paper", seeds=1, methods=("full-frame", "mean-training-map")))}
    assert before & after == {job.key}


def test_runs_stand_on_the_sets_they_read(data):
    def keys():
        jobs = jobs_of(Request(preset="paper", seeds=1, methods=("cavl",), orderings=("c1-c2",)))
        return {j.name: j.key for j in jobs if j.config.method == "cavl"}  # not of the trivial rows beside it

    absent = keys()
    paper_data.audioset(data, {1: 4, 2: 4, 3: 4}, {1: 2, 2: 2})
    trained = keys()
    assert trained["pretrain cavl c1 seed 1"] != absent["pretrain cavl c1 seed 1"]
    assert keys() == trained
    boxes = {f"image{i}": [[1, 1, 60, 60], [1, 1, 60, 60]] for i in range(3)}
    paper_data.flickr_soundnet(data, boxes, {"other": [[1, 1, 9, 9]]})
    localized = keys()
    changed = {name for name in trained if trained[name] != localized[name]}
    assert changed == {"localization cavl c1-c2 seed 1"}


def test_esc50_is_the_prepared_one_or_the_folder_that_is_given(data, capsys):
    def probes():
        jobs = jobs_of(Request(preset="paper", seeds=1, methods=("spectrogram-statistics",)))
        return [j.variant for j in jobs]

    assert probes() == ["esc10", "esc50"]
    paper_data.esc50(data, classes=3)
    assert probes() == []
    assert "left out: no accuracy over esc50" in capsys.readouterr().err
    missing = Request(preset="paper", seeds=1, methods=("spectrogram-statistics",), esc50=str(data / "ESC-50"))
    with pytest.raises(FileNotFoundError, match=r"there is no .*ESC-50/meta/esc50\.csv"):
        jobs_of(missing)


# --- rehearsals -----------------------------------------------------------------------------------------------------


def test_a_rehearsal_is_everything_of_one_seed_with_two_updates(data):
    jobs = jobs_of(Request(preset="paper@16"))
    assert {j.config.seed for j in jobs} == {1}
    assert {j.updates for j in jobs} == {0, 2}
    assert {j.config.data.limit for j in jobs} == {16}
    whole = jobs_of(Request(preset="paper", seeds=1))
    assert not {j.key for j in jobs} & {j.key for j in whole}
    same = "pretrain l3 c1-matched seed 1"  # with two updates a stage it is avc-matched
    assert {j.name for j in whole} - {j.name for j in jobs} == {
        name for name in (j.name for j in whole) if "c3@4000" in name or name == same
    }
    for one, other in ((PAPER, load("paper@16")),):
        assert {n: p.model for n, p in one.methods.items()} == {n: p.model for n, p in other.methods.items()}
        assert other.evaluations["separation"].network == one.evaluations["separation"].network
    assert all(State(jobs=jobs).cost(j) == 2 for j in jobs)


def test_the_limit_is_in_the_key_of_every_run(data):
    for name, task in (("l3", "avc"), ("cavl", "counting"), ("full-frame", "localization")):
        ordering = load("paper@16").methods[name].runs[0]
        keys = [resolve(run_config(task, f"paper@{n}", name, ordering, 1)).key for n in (16, 17)]
        assert keys[0] != keys[1]


@pytest.mark.parametrize("preset", ["miniature", "smoke", "ablations"])
def test_every_preset_has_a_rehearsal(preset, data):
    jobs = jobs_of(Request(preset=f"{preset}@8"))
    assert jobs
    assert {j.updates for j in jobs} <= {0, 1, 2}
    assert all(stage.k == "labelled" for j in jobs for stage in j.config.stages)
    assert {s for j in jobs for s in j.config.data.train.values()} == {8}


@pytest.mark.parametrize("name", ["paper@", "paper@1", "paper@many", "paper@-3"])
def test_rehearsals_that_cannot_be_meant_are_refused(name):
    with pytest.raises(ConfigError, match=r"a rehearsal has at least 2 scenes of each set, as in paper@16"):
        load(name)


def test_the_configuration_of_an_arm_has_its_own_data():
    config = run_config("separation", "paper", "cavl:music", "c1", 1)
    assert config["data"] == to_dict(PaperData(pretraining="music"))
    assert run_config("counting", "paper", "cavl", "c1", 1)["data"] == to_dict(PAPER.data)
    assert replace(PAPER, seeds=1).data == PaperData()
