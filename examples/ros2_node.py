"""A ROS 2 node: what `neurosvt stream` believes, as messages.

    neurosvt stream camera: --json-lines udp://127.0.0.1:3334 &
    python examples/ros2_node.py --ros-args -p port:=3334

Topics: `belief` (std_msgs/String), each line of JSON as it came, and `object`
(geometry_msgs/PointStamped), x and y in pixels of the sensor, z 1 in view and 0 out of sight.
"""

import json
import socket

import rclpy
from geometry_msgs.msg import PointStamped
from rclpy.node import Node
from std_msgs.msg import String


class BeliefNode(Node):
    """Publishes every datagram that comes to a port of this machine."""

    def __init__(self):
        super().__init__("neurosvt")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.declare_parameter("port", 3334).value))
        self.socket.setblocking(False)
        self.belief = self.create_publisher(String, "belief", 10)
        self.object = self.create_publisher(PointStamped, "object", 10)
        self.create_timer(0.002, self.read)

    def read(self):
        """Publish all that has come since."""
        try:
            while True:
                self.publish(self.socket.recv(65536).decode())
        except BlockingIOError:
            return

    def publish(self, line):
        """One line of JSON as two messages."""
        row = json.loads(line)
        self.belief.publish(String(data=line))
        point = PointStamped()
        point.header.stamp = self.get_clock().now().to_msg()
        point.header.frame_id = "event_camera"
        point.point.x, point.point.y = (float(pixel) for pixel in row["pixel"])
        point.point.z = float(row["presence"] == "in view")
        self.object.publish(point)


if __name__ == "__main__":
    rclpy.init()
    rclpy.spin(BeliefNode())
