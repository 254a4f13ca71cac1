"""Containers in the paths that engines really make, and that no text at all upsets the reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.capture.containers import ContainerId, container_of

A, B = "0123456789abcdef" * 4, "f" * 64
UID = "0f3c1d0e-5a3b-4c6d-8e9f-0123456789ab"
ESCAPED = UID.replace("-", "_")
STATIC_UID = "0123456789abcdef0123456789abcdef"
V1 = "12:pids:{path}\n11:cpu,cpuacct:{path}\n1:name=systemd:{path}\n"


@pytest.mark.parametrize(
    ("path", "engine", "pod"),
    [
        (f"/docker/{A}", "docker", None),
        (f"/system.slice/docker-{A}.scope", "docker", None),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{A}.scope", "docker", None),
        (f"/system.slice/containerd.service/docker/{A}", "docker", None),
        (f"/mine.slice/docker-{A}.scope", "docker", None),
        (f"/mine/{A}", "unknown", None),
        (f"/default/{A}", "containerd", None),
        (f"/k8s.io/{A}", "containerd", None),
        (f"/system.slice/nerdctl-{A}.scope", "containerd", None),
        (f"/kubepods/burstable/pod{UID}/{A}", "containerd", UID),
        (f"/kubepods/pod{UID}/{A}", "containerd", UID),
        (f"/kubepods/besteffort/pod{STATIC_UID}/{A}", "containerd", STATIC_UID),
        (f"/kubepods/burstable/pod{UID}/crio-{A}", "cri-o", UID),
        (
            f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{ESCAPED}.slice/cri-containerd-{A}.scope",
            "containerd",
            UID,
        ),
        (f"/kubepods.slice/kubepods-pod{ESCAPED}.slice/crio-{A}.scope/container", "cri-o", UID),
        (f"/kubepods.slice/kubepods-besteffort-pod{ESCAPED}.slice/docker-{A}.scope", "docker", UID),
        (
            f"/system.slice/containerd.service/kubepods-besteffort-pod{ESCAPED}.slice:cri-containerd:{A}",
            "containerd",
            UID,
        ),
        (f"/machine.slice/libpod-{A}.scope", "podman", None),
        (f"/machine.slice/libpod-{A}.scope/container", "podman", None),
        (f"/libpod_parent/libpod-{A}", "podman", None),
        (f"/libpod_parent/{B}/libpod-{A}/ctr", "podman", B),
        (f"/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope/container", "podman", B),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope/container", "podman", None),
        (f"/system.slice/retool.service/libpod-payload-{A}", "podman", None),
    ],
)
def test_each_engine_s_path_names_its_container(path: str, engine: str, pod: str | None) -> None:
    expected = ContainerId(A, engine, pod)
    assert container_of(f"0::{path}\n") == expected
    assert container_of(V1.format(path=path)) == expected


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/init.scope",
        "/system.slice/docker.service",
        "/system.slice/containerd.service",
        "/user.slice/user-1000.slice/session-3.scope",
        f"/machine.slice/libpod-conmon-{A}.scope",
        f"/libpod_parent/conmon/libpod-conmon-{A}",
        f"/libpod_parent/{A}",
        f"/kubepods.slice/kubepods-pod{ESCAPED}.slice/crio-conmon-{A}.scope",
        f"/kubepods/burstable/pod{UID}",
        "/docker/buildkit/abcdefghijklmnopqrstuvwxy",
        f"/docker/{A[:12]}",
        f"/docker/{A}0",
        f"/docker/{A.upper()}",
        f"/system.slice/docker-{A}.scope.d",
        f"/system.slice/my-docker-{A}.scope",
        f"/system.slice/docker-{A[:-1]}\N{ARABIC-INDIC DIGIT ONE}.scope",
    ],
)
def test_services_sessions_monitors_pods_and_look_alikes_are_no_containers(path: str) -> None:
    assert container_of(f"0::{path}\n") is None


@pytest.mark.parametrize(
    "path",
    [
        f"/docker/{A}/docker/{B}",
        f"/system.slice/docker-{A}.scope/system.slice/docker-{B}.scope",
        f"/docker/{A}/kubelet/kubepods/burstable/pod{UID}/{B}",
        f"/docker/{A}/system.slice/nginx.service",
        f"/docker/{A}/init.scope",
        f"/docker/{A}/NSJAIL.1234",
    ],
)
def test_what_a_container_nests_is_part_of_the_outermost_container(path: str) -> None:
    assert container_of(f"0::{path}\n") == ContainerId(A, "docker", None)


def test_the_line_that_names_a_container_counts_where_others_do_not() -> None:
    text = f"4:memory:/docker/{A}\n1:name=systemd:/system.slice/x.service\n0::/\n"
    assert container_of("9:devices:/\n" + text) == ContainerId(A, "docker", None)


def test_a_reader_in_a_control_group_namespace_sees_its_neighbours_above_it() -> None:
    assert container_of(f"0::/../docker-{A}.scope\n") == ContainerId(A, "docker", None)
    assert container_of(f"0::/../../docker/{A}\n") == ContainerId(A, "docker", None)
    assert container_of("0::/../..\n") is None


def test_a_container_that_has_just_ended_is_still_that_container() -> None:
    assert container_of(f"0::/docker/{A} (deleted)\n") == ContainerId(A, "docker", None)


PIECES = [*"0a:/.-_\n\x1b\0", A, "docker", "libpod-", "crio-", ".scope", ".slice", "pod", UID, "libpod_parent", ".."]


@given(st.lists(st.sampled_from(PIECES)))
def test_hostile_text_never_raises_and_an_id_is_always_64_digits(pieces: list[str]) -> None:
    found = container_of("0::" + "".join(pieces))
    assert found is None or (len(found.id) == 64 and set(found.id) <= set("0123456789abcdef"))


@given(st.text())
def test_any_text_at_all_never_raises(text: str) -> None:
    container_of(text)


@given(st.integers(0, 400))
def test_a_truncated_text_never_raises(length: int) -> None:
    path = f"/kubepods.slice/kubepods-pod{ESCAPED}.slice/cri-containerd-{A}.scope"
    container_of(V1.format(path=path)[:length])
