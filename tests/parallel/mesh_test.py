"""Meshes and batches on them."""

import jax
import numpy as np
import pytest
import tiny
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from epik_jax.parallel import mesh as meshes


def test_a_mesh_has_two_automatic_axes_over_the_first_devices():
    mesh = meshes.make_mesh(2, 3)
    assert mesh.axis_names == ("data", "model") and dict(mesh.shape) == {
        "data": 2,
        "model": 3,
    }
    assert set(mesh.axis_types) == {AxisType.Auto}
    assert set(mesh.devices.flat) == set(jax.devices()[:6])


def test_more_devices_than_there_are_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match="4 x 4 needs 16 devices, 8 are there"):
        meshes.make_mesh(4, 4)


@pytest.mark.parametrize(("model", "data"), [(1, 8), (4, 2), (3, 2)])
def test_a_mesh_of_all_devices_splits_rows_as_far_as_they_go(model, data):
    assert dict(meshes.make_mesh(0, model).shape) == {"data": data, "model": model}


def test_a_mesh_that_leaves_a_process_out_is_refused_with_what_to_set(monkeypatch):
    monkeypatch.setattr("jax.process_count", lambda: 4)
    with pytest.raises(ValueError, match=r"take all: set config\.mesh\.data to 0"):
        meshes.make_mesh(2, 2)


def test_a_process_alone_has_all_rows_of_a_batch():
    batch = np.arange(8)
    np.testing.assert_array_equal(
        meshes.own_share(meshes.make_mesh(4, 2))(batch), batch
    )


def test_rows_of_a_batch_lie_on_their_share_of_the_devices():
    batch = tiny.batch(batch_size=8)
    placed = meshes.to_global(meshes.make_mesh(4, 2), batch)
    for name, array in placed.items():
        np.testing.assert_array_equal(array, batch[name])
        assert array.sharding.spec == P("data")
        assert {shard.data.shape[0] for shard in array.addressable_shards} == {2}


def test_a_batch_that_does_not_split_is_refused_with_its_size():
    with pytest.raises(ValueError, match="a batch of 6 rows does not split over 4"):
        meshes.to_global(meshes.make_mesh(4), tiny.batch(batch_size=6))
    with pytest.raises(ValueError, match="over 4 devices, in 3 microbatches each"):
        meshes.to_global(meshes.make_mesh(4), tiny.batch(batch_size=8), 3)


def test_a_process_whose_devices_end_within_a_row_has_all_rows_it_touches(monkeypatch):
    # Of two processes with three devices each, as the first of them sees it.
    here = np.array([[True, True], [True, False], [False, False]])
    monkeypatch.setattr(meshes, "_here", lambda mesh: here)
    mesh, placed = meshes.make_mesh(3, 2), []
    assert dict(meshes.own(mesh).shape) == {"data": 3, "model": 1}
    monkeypatch.setattr(
        "jax.make_array_from_process_local_data",
        lambda sharding, array, whole: placed.append(whole),
    )
    meshes.to_global(mesh, {"x": np.ones((6, 5))})
    assert placed == [(9, 5)]


def test_none_in_a_batch_is_left_out_not_placed():
    placed = meshes.to_global(meshes.make_mesh(2), {"x": np.ones((2, 1)), "y": None})
    assert placed["y"] is None
