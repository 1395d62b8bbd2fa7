"""Keras files from strangers: a door that lets no code in, and nothing too large."""

import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from core.classifier import load
from core.model_archives import ModelRefused
from tests.support import build, small, some_digits

LAYERS = keras.layers


def as_file(model: keras.Model, folder, suffix: str = ".keras") -> bytes:
    path = folder / f"model{suffix}"
    model.save(path)
    return path.read_bytes()


def repacked(data: bytes, **members: bytes) -> bytes:
    """The archive with some members replaced: config=..., weights=..."""
    names = {"config": "config.json", "weights": "model.weights.h5"}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        replaced = {names.get(key, key): value for key, value in members.items()}
        for name in old.namelist():
            new.writestr(name, replaced.get(name, old.read(name)))
    return out.getvalue()


def config_of(data: bytes) -> dict:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return json.loads(archive.read("config.json"))


class Untold(LAYERS.Layer):
    """A layer that leaves it to Keras to find out what shape it gives."""

    def call(self, x):
        return x


class TestLoad:
    @pytest.mark.parametrize("suffix", [".keras", ".h5"])
    def test_a_saved_model_comes_back_from_its_path_and_from_its_bytes(self, tmp_path, suffix):
        model = small()
        data = as_file(model, tmp_path, suffix)
        x, _ = some_digits(4)
        for source in (data, tmp_path / f"model{suffix}", str(tmp_path / f"model{suffix}")):
            classifier = load(source, name="mine")
            np.testing.assert_allclose(classifier.logits(x), np.asarray(model(x)), rtol=1e-3, atol=1e-4)

    def test_a_softmax_at_its_end_is_taken_off(self, tmp_path):
        model = build(LAYERS.Flatten(), LAYERS.Dense(10, activation="softmax"))
        x, _ = some_digits(4)
        classifier = load(as_file(model, tmp_path))
        np.testing.assert_allclose(classifier.probabilities(x), np.asarray(model(x)), rtol=1e-4, atol=1e-6)
        assert not np.allclose(classifier.logits(x).sum(axis=1), 1)

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "empty"),
            (b"hello", "not a Keras model"),
            (b"PK\x03\x04 torn", "not a Keras model|damaged"),
            (b"\x89HDF\r\n\x1a\n torn", "damaged"),
            (b"\x80\x04\x95 a pickle", "not a Keras model"),
            (b"x" * 21_000_000, "larger than 20 MB"),
        ],
        ids=["empty", "text", "torn zip", "torn hdf5", "pickle", "huge"],
    )
    def test_what_is_no_model_is_refused(self, data, said):
        with pytest.raises(ModelRefused, match=said):
            load(data)

    def test_a_missing_file_is_refused(self, tmp_path):
        with pytest.raises(ModelRefused, match=r"no model file 'gone\.keras'"):
            load(tmp_path / "gone.keras")

    @pytest.mark.parametrize("suffix", [".keras", ".h5"])
    def test_a_lambda_is_refused_and_never_run(self, tmp_path, suffix):
        model = build(LAYERS.Flatten(), LAYERS.Lambda(lambda x: x * 2), LAYERS.Dense(10))
        with pytest.raises(ModelRefused, match="Lambda"):
            load(as_file(model, tmp_path, suffix))

    def test_a_lambda_hidden_in_a_nested_model_is_refused(self, tmp_path):
        inner = keras.Sequential([LAYERS.Input((784,)), LAYERS.Lambda(lambda x: x * 2)])
        with pytest.raises(ModelRefused, match="Lambda"):
            load(as_file(build(LAYERS.Flatten(), inner, LAYERS.Dense(10)), tmp_path))

    def test_a_layer_of_ones_own_is_refused(self, tmp_path):
        @keras.saving.register_keras_serializable("somebody")
        class Mine(LAYERS.Layer):
            def call(self, inputs):
                return inputs

        with pytest.raises(ModelRefused, match="not known to be safe"):
            load(as_file(build(LAYERS.Flatten(), Mine(), LAYERS.Dense(10)), tmp_path))

    @pytest.mark.parametrize("wrapper", [LAYERS.TimeDistributed, LAYERS.Bidirectional])
    def test_a_wrapper_that_could_carry_another_layer_is_refused(self, tmp_path, wrapper):
        inner = LAYERS.Dense(4) if wrapper is LAYERS.TimeDistributed else LAYERS.GRU(4)
        body = [LAYERS.Reshape((28, 28)), wrapper(inner), LAYERS.Flatten(), LAYERS.Dense(10)]
        with pytest.raises(ModelRefused, match="not known to be safe"):
            load(as_file(build(*body), tmp_path))

    @pytest.mark.parametrize("module", ["os", "builtins", "subprocess", "keras.src.utils", "tensorflow"])
    def test_a_configuration_that_points_at_code_is_refused(self, tmp_path, module):
        data = as_file(build(LAYERS.Flatten(), LAYERS.Dense(10)), tmp_path)
        config = config_of(data)
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "Dense":
                layer["config"]["kernel_initializer"] = {"module": module, "class_name": "function", "config": "system"}
        with pytest.raises(ModelRefused, match="refers to code"):
            load(repacked(data, config=json.dumps(config).encode()))

    @pytest.mark.parametrize(
        "config", [b"", b"[]", b"{", b"null", b'{"class_name": "Sequential"}', b'{"class_name": "Thing"}']
    )
    def test_a_damaged_configuration_is_refused(self, tmp_path, config):
        data = as_file(build(LAYERS.Flatten(), LAYERS.Dense(10)), tmp_path)
        with pytest.raises(ModelRefused):
            load(repacked(data, config=config))

    @pytest.mark.parametrize("keep", [0, 100, 2000])
    def test_damaged_weights_are_refused(self, tmp_path, keep):
        data = as_file(build(LAYERS.Flatten(), LAYERS.Dense(10)), tmp_path)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            weights = archive.read("model.weights.h5")
        with pytest.raises(ModelRefused):
            load(repacked(data, weights=weights[:keep]))

    def test_a_truncated_file_is_refused_wherever_it_ends(self, tmp_path):
        for suffix in (".keras", ".h5"):
            data = as_file(small(), tmp_path, suffix)
            for share in (0.1, 0.5, 0.9, 0.99):
                with pytest.raises(ModelRefused):
                    load(data[: int(len(data) * share)])

    def test_weights_that_link_to_another_file_are_refused(self, tmp_path):
        data = as_file(small(), tmp_path, ".h5")
        path = tmp_path / "linked.h5"
        path.write_bytes(data)
        with h5py.File(path, "a") as file:
            file["elsewhere"] = h5py.ExternalLink("/etc/hostname", "/")
        with pytest.raises(ModelRefused, match="link to another place"):
            load(path)

    def test_an_archive_that_unpacks_to_too_much_is_refused(self, tmp_path):
        data = as_file(build(LAYERS.Flatten(), LAYERS.Dense(10)), tmp_path)
        out = io.BytesIO(data)
        with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("padding", b"\0" * 90_000_000)
        assert len(out.getvalue()) < 1_000_000
        with pytest.raises(ModelRefused, match="unpacks to more than 80 MB"):
            load(out.getvalue())

    def test_too_many_layers_and_parameters_are_refused(self, tmp_path):
        deep = build(LAYERS.Flatten(), *[LAYERS.ReLU() for _ in range(205)], LAYERS.Dense(10))
        with pytest.raises(ModelRefused, match="at most 200"):
            load(as_file(deep, tmp_path))
        wide = build(LAYERS.Flatten(), LAYERS.Dense(12_800), LAYERS.Dense(10))
        for suffix in (".keras", ".h5"):
            with pytest.raises(ModelRefused, match=r"10,176,010 parameters; at most 10,000,000|larger than 20 MB"):
                load(as_file(wide, tmp_path, suffix))

    @staticmethod
    def asking(tmp_path, suffix: str, layer: str, **fields) -> bytes:
        """A small file whose configuration alone asks for more of a layer."""
        data = as_file(build(LAYERS.UpSampling2D(2), LAYERS.GlobalMaxPooling2D(), LAYERS.Dense(10)), tmp_path, suffix)
        if suffix == ".keras":
            config = config_of(data)
        else:
            with h5py.File(io.BytesIO(data)) as file:
                config = json.loads(file.attrs["model_config"])
        for each in config["config"]["layers"]:
            if each["class_name"] == layer:
                each["config"].update(fields)
        if suffix == ".keras":
            return repacked(data, config=json.dumps(config).encode())
        path = tmp_path / "changed.h5"
        path.write_bytes(data)
        with h5py.File(path, "a") as file:
            file.attrs["model_config"] = json.dumps(config)
        return path.read_bytes()

    @pytest.mark.parametrize(
        ("layer", "field", "value", "said"),
        [
            ("Dense", "units", 10**9, "parameters; at most"),
            ("UpSampling2D", "size", [999, 999], "numbers of one image"),
        ],
    )
    @pytest.mark.parametrize("suffix", [".keras", ".h5"])
    def test_a_small_file_that_asks_for_all_the_memory_is_refused_before_it_gets_any(
        self, tmp_path, suffix, layer, field, value, said
    ):
        """Only the configuration is huge: the refusal must come before Keras makes the weights."""
        data = self.asking(tmp_path, suffix, layer, **{field: value})
        with pytest.raises(ModelRefused, match=said):
            load(data)

    @pytest.mark.parametrize("suffix", [".keras", ".h5"])
    def test_what_was_refused_is_not_made_later_either(self, tmp_path, monkeypatch, suffix):
        """Keras catches up on weights left out in a stateless scope when the same thread next leaves one, as at a layer
        that does not tell its shape: gigabytes of a refused model, in the middle of other work."""
        with pytest.raises(ModelRefused):
            load(self.asking(tmp_path, suffix, "Dense", units=10**9))

        def refuse(_, shape, dtype=None):
            raise AssertionError(f"a weight of shape {shape} was made")

        for kind in (keras.initializers.GlorotUniform, keras.initializers.Zeros):
            monkeypatch.setattr(kind, "__call__", refuse)
        Untold()(keras.Input((28, 28, 1)))
