import dataclasses

import numpy as np
import pytest
import torch

from c2gm.errors import ConfigError, Stopped, TrainingError
from c2gm.legend import palette
from c2gm.training.batches import batches, collate
from c2gm.training.crops import CropConfig, cut_crop
from c2gm.training.map_losses import class_loss, map_autoencoder_loss
from c2gm.training.records import Record, RecordPool, write_shard
from c2gm.training.run_config import RunConfig, read_run_config
from c2gm.training.train import Run, rate_share, start_model, train


@pytest.fixture
def records(tmp_path):
    """Two windows of a flat little world: ground with a block of water."""
    classes = np.zeros((320, 320), dtype=np.uint8)
    classes[80:240, 120:280] = 1
    picture = palette()[classes]
    one = Record(
        imagery=picture // 2,
        map=picture,
        classes=classes,
        parent2=np.full((168, 168, 3), 200, dtype=np.uint8),
        parent4=None,
        zoom=16,
        place="town-0",
        complete=True,
        ranked_roads=True,
    )
    write_shard(tmp_path / "records" / "a", [one, one])
    return tmp_path / "records"


def config(records, stage="vae", **changes):
    values = {
        "stage": stage,
        "minutes": 0.05,
        "records": str(records),
        "folder": str(records.parent / stage),
        "kinds": {"town": 1.0},
        "batch": 2,
        "crop": 64,
        "threads": 1,
    }
    return RunConfig(**{**values, **changes})


def test_the_rate_warms_up_holds_and_decays():
    assert rate_share(0, 0) == pytest.approx(1 / 40)
    assert rate_share(0.3, 1000) == 1
    assert rate_share(1, 1000) == pytest.approx(0.01)
    falling = [rate_share(s / 20, 1000) for s in range(10, 21)]
    assert falling == sorted(falling, reverse=True)


@pytest.mark.slow
def test_all_stages_run_in_order_and_end_with_weights(records):
    train(config(records))
    train(config(records, "encoder"))
    before = (str(records.parent / "vae"), str(records.parent / "encoder"))
    done = train(config(records, "joint", weights=before))
    assert done.exists()
    model = start_model(config(records, "joint", weights=(*before, str(done.parent))))
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_a_run_resumes_where_it_was_stopped_and_ends_decayed(records):
    run = Run(config(records, minutes=0.03, save_seconds=0.2))
    run.config = dataclasses.replace(run.config, minutes=10)  # so that it does not end by itself
    original = run._train_step

    def step_then_stop(*args):
        run._stop = run.step >= 3
        return original(*args)

    run._train_step = step_then_stop
    with pytest.raises(Stopped, match="same command goes on"):
        run.go()
    again = Run(dataclasses.replace(run.config, minutes=10))
    assert again.step == run.step and again.seconds == run.seconds
    for name, value in run.trained.items():
        assert torch.equal(value, again.trained[name])


def test_a_run_with_other_settings_refuses_and_names_them(records):
    run = Run(config(records))
    run._save()
    with pytest.raises(TrainingError, match="another rate"):
        Run(config(records, rate=1e-4))


def test_weights_that_are_missing_are_named(records):
    with pytest.raises(TrainingError, match="nowhere"):
        start_model(config(records, "joint", weights=("nowhere.safetensors",)))


def test_the_vae_learns(records):
    run = Run(config(records, minutes=60))
    torch.manual_seed(0)
    source = batches(RecordPool(records), {"town": 1.0}, CropConfig(size=64), 4, 0)
    generator = torch.Generator().manual_seed(0)
    losses = [run._train_step(next(source), torch.float32, generator) for _ in range(60)]
    source.close()
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:5])


def test_a_run_file_with_an_unknown_key_is_refused(tmp_path):
    path = tmp_path / "run.json"
    path.write_text('{"stage": "vae", "minuts": 3}')
    with pytest.raises(ConfigError, match="minuts"):
        read_run_config(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3", "one JSON object"),
        ("{", "cannot be read"),
        ('{"stage": "x", "minutes": 1, "records": "", "folder": "", "kinds": {}}', "stage is 'x'"),
        ('{"stage": "vae"}', "minutes"),
    ],
)
def test_a_run_file_that_is_wrong_is_told_in_one_sentence(tmp_path, text, message):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_run_config(path)


def test_a_damaged_state_is_told_and_not_begun_anew(records):
    run = Run(config(records))
    run._save()
    state = run.folder / "state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(TrainingError, match="damaged"):
        Run(config(records))


def test_where_roads_have_no_rank_any_road_class_is_right():
    logits = torch.full((1, 13, 1, 1), -20.0)
    logits[0, 9] = 0.0  # a main road is drawn
    classes = torch.full((1, 1, 1), 10)  # the truth says street
    yes, no = torch.tensor([True]), torch.tensor([False])
    assert class_loss(logits, classes, yes, no) < 1e-3
    assert class_loss(logits, classes, yes, yes) > 10


def test_ground_that_may_only_be_unmapped_counts_less():
    logits = torch.zeros(1, 13, 1, 2)
    logits[0, 7, 0, 0] = 5.0  # a building is drawn where the truth has ground
    classes = torch.tensor([[[0, 1]]])
    yes, no = torch.tensor([True]), torch.tensor([False])
    assert class_loss(logits, classes, no, yes) < class_loss(logits, classes, yes, yes)


def test_the_map_loss_is_least_for_the_map_itself():
    classes = torch.randint(0, 13, (1, 16, 16), generator=torch.Generator().manual_seed(0))
    pixels = torch.from_numpy(palette()[classes[0].numpy()]).permute(2, 0, 1)[None] / 127.5 - 1
    latent = torch.zeros(1, 4, 2, 2)
    exact = map_autoencoder_loss(pixels, pixels, classes, latent, latent, 1.0)
    for wrong in (pixels.flip(-1), pixels * 0.9, torch.zeros_like(pixels)):
        assert map_autoencoder_loss(wrong, pixels, classes, latent, latent, 1.0) > exact + 0.05


def test_the_shipped_run_files_can_be_read():
    from importlib.resources import files

    folder = files("c2gm") / "assets" / "training"
    runs = [read_run_config(path) for path in sorted(folder.iterdir())]
    assert [run.stage for run in runs] == ["vae", "encoder", "encoder", "joint", "decoder"]
    later = {entry for run in runs for entry in run.weights}
    assert later <= {run.folder for run in runs}


def test_the_decoder_stage_leaves_the_latents_as_they_are(records):
    run = Run(config(records, "decoder", minutes=60))
    maps = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    before = run.model.vae.encode(maps)[0].detach()
    drawn = run.model.vae.decode(before).detach()
    batch = collate(
        [
            cut_crop(record, CropConfig(size=64), np.random.default_rng(0))
            for record in RecordPool(records).all()
        ]
    )
    for _ in range(3):
        run._train_step(batch, torch.float32, torch.Generator().manual_seed(0))
    assert torch.equal(run.model.vae.encode(maps)[0], before)
    assert not torch.equal(run.model.vae.decode(before), drawn)
