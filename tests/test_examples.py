import json
import runpy
import socket
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from neurosvt.scenes import TIERS

FOLDER = Path(__file__).parent.parent / "examples"
ROS = FOLDER / "ros2_node.py"
EXAMPLES = sorted(set(FOLDER.glob("*.py")) - {ROS})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_says_something(path, capsys):
    shipped = dict(TIERS)
    runpy.run_path(str(path))
    for added in TIERS.keys() - shipped.keys():  # other tests know nothing of it
        del TIERS[added]
    assert capsys.readouterr().out


class FakeNode:
    """As much of a ROS 2 node as the example needs."""

    def __init__(self, name):
        self.published = {}

    def declare_parameter(self, name, value):
        return SimpleNamespace(value=0)  # a port that is free

    def create_publisher(self, kind, topic, depth):
        self.published[topic] = []
        return SimpleNamespace(publish=self.published[topic].append)

    def create_timer(self, seconds, call):
        self.timer = call

    def get_clock(self):
        now = SimpleNamespace(to_msg=lambda: "now")
        return SimpleNamespace(now=lambda: now)


def fake_ros(monkeypatch):
    """Modules in the place of those of ROS 2, which pip does not install."""

    def point_stamped():
        return SimpleNamespace(header=SimpleNamespace(), point=SimpleNamespace())

    parts = {
        "rclpy": {},
        "rclpy.node": {"Node": FakeNode},
        "std_msgs": {},
        "std_msgs.msg": {"String": SimpleNamespace},
        "geometry_msgs": {},
        "geometry_msgs.msg": {"PointStamped": point_stamped},
    }
    for name, held in parts.items():
        module = ModuleType(name)
        vars(module).update(held)
        monkeypatch.setitem(sys.modules, name, module)


def test_the_ros_node_publishes_each_datagram_as_two_messages(monkeypatch):
    fake_ros(monkeypatch)
    node = runpy.run_path(str(ROS))["BeliefNode"]()
    said = ("in view", "hidden")
    lines = [json.dumps({"pixel": [3.5, i], "presence": said[i]}) for i in range(2)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, node.socket:
        for line in lines:
            sender.sendto(line.encode(), node.socket.getsockname())
        node.timer()
    assert [message.data for message in node.published["belief"]] == lines
    points = [(m.point.x, m.point.y, m.point.z) for m in node.published["object"]]
    assert points == [(3.5, 0.0, 1.0), (3.5, 1.0, 0.0)]
