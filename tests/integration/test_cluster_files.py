"""The cluster files that users start from, held against the schemas that would refuse them hours later."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = ("cluster.yaml", "cluster-aws.yaml")


def load(name: str) -> dict[str, Any]:
    """A cluster file of the repository, again for each caller."""
    content: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return content


def ray_accepts(cluster: dict[str, Any]) -> dict[str, Any]:
    """Fill in Ray's defaults and check the result as `ray up` does."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared: dict[str, Any] = prepare_config(cluster)
    validate_config(prepared)
    return prepared


@pytest.mark.parametrize("name", FILES)
def test_ray_accepts_the_file(name: str) -> None:
    """The file passes the schema with Ray's defaults filled in."""
    assert ray_accepts(load(name))["cluster_name"] == load(name)["cluster_name"]


@pytest.mark.parametrize("name", FILES)
def test_ray_refuses_a_misspelled_key(name: str) -> None:
    """The check above can fail: one wrong key is found."""
    cluster = load(name) | {"setup_comands": []}
    with pytest.raises(jsonschema.ValidationError, match="setup_comands"):
        ray_accepts(cluster)


def test_every_listed_host_joins() -> None:
    """On premise, the number of workers follows the list of hosts."""
    cluster = load("cluster.yaml")
    prepared = ray_accepts(cluster)
    hosts = len(cluster["provider"]["worker_ips"])
    (node_type,) = prepared["available_node_types"].values()
    assert (node_type["min_workers"], node_type["max_workers"]) == (hosts, hosts)


@pytest.mark.parametrize("name", FILES)
def test_what_is_mounted_exists(name: str) -> None:
    """Every file mount of the repository is there, and none drags .git or the environment along."""
    ours = [local for local in load(name)["file_mounts"].values() if not local.startswith("~")]
    assert ours
    for local in ours:
        assert (ROOT / local).exists()
        assert (ROOT / local).resolve() != ROOT


@pytest.mark.parametrize("name", FILES)
def test_every_node_starts_closed(name: str) -> None:
    """Head and workers demand the token, the token is shipped, and no dashboard is started."""
    cluster = load(name)
    assert cluster["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    for role in ("head", "worker"):
        starts = [command for command in cluster[f"{role}_start_ray_commands"] if "ray start" in command]
        assert len(starts) == 1
        assert "RAY_AUTH_MODE=token" in starts[0]
    (head,) = [command for command in cluster["head_start_ray_commands"] if "ray start" in command]
    assert "--include-dashboard=false" in head
    assert "--dashboard-host" not in head


def test_both_files_install_the_same_code() -> None:
    """What one file mounts, the other mounts."""
    on_premise, aws = (load(name)["file_mounts"] for name in FILES)
    assert on_premise == aws


@pytest.mark.parametrize("node_type", ["head", "gpu_spot"])
def test_aws_knows_every_key_of_a_node(node_type: str) -> None:
    """The model of RunInstances in botocore, read offline, accepts the node's configuration."""
    loaders = pytest.importorskip("botocore.loaders", reason="needs botocore (pip install boto3)")
    from botocore.model import ServiceModel
    from botocore.validate import ParamValidator

    description = loaders.Loader().load_service_model("ec2", "service-2")
    shape = ServiceModel(description, "ec2").operation_model("RunInstances").input_shape
    node = load("cluster-aws.yaml")["available_node_types"][node_type]["node_config"]
    counted = node | {"MinCount": 1, "MaxCount": 1}
    assert not ParamValidator().validate(counted, shape).has_errors()
    misspelled = counted | {"InstanceTyp": "g5.xlarge"}
    assert ParamValidator().validate(misspelled, shape).has_errors()


def test_aws_workers_are_spot_and_the_head_is_not() -> None:
    """Losing a worker costs a round; losing the head would cost the driver."""
    types = load("cluster-aws.yaml")["available_node_types"]
    assert types["gpu_spot"]["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert "InstanceMarketOptions" not in types["head"]["node_config"]
