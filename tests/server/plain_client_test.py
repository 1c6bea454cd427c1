"""What any client in any language can do with a server, and what it hears where it does something else."""

import struct
import unittest

from server_process import ServerProcess, skip_without_grpc

skip_without_grpc()

import grpc  # noqa: E402
from google.protobuf import descriptor_pb2  # noqa: E402
from plain_client import Client, FINGERPRINT, Stream, connect, create_job_request, fate  # noqa: E402
from proto import control_pb2, data_plane_pb2  # noqa: E402


class PlainClientTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(ServerProcess())

    def refused(self, call):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        return caught.exception.code(), caught.exception.details()

    def test_creates_a_job_joins_pushes_and_pulls(self):
        client = Client(self.server.address)
        self.assertTrue(client.create_job().created)
        self.assertFalse(client.create_job().created)
        joined = client.join(3)
        self.assertEqual((joined.incarnation, joined.clock, len(joined.shard_map.shards)), (1, 0, 2))
        stream = Stream(client, 3, joined.incarnation)
        hello = stream.read_hello()
        self.assertEqual(hello.version, 1)
        self.assertEqual(hello.server_incarnation, joined.server_incarnation)
        stream.push(1, 1, [1, 2, 3, 4])
        self.assertEqual(fate(stream.read_acknowledgement()), "APPLIED")
        stream.push(1, 1, [1, 2, 3, 4])
        self.assertTrue(stream.read_acknowledgement().duplicate)
        big = [float(i % 100) for i in range(600000)]
        stream.push(0, 1, big)
        self.assertEqual(fate(stream.read_acknowledgement()), "APPLIED")
        stream.pull(1, [1], clock=1)
        self.assertEqual(stream.read_weights(1), (-1, -2, -3, -4))
        stream.pull(2, [0], clock=1)
        self.assertEqual(stream.read_weights(0), tuple(-value for value in big))
        stream.send_last()
        self.assertEqual(stream.end()[0], grpc.StatusCode.OK)
        beat = client.control("Heartbeat", control_pb2.HeartbeatRequest(
            job_fingerprint=FINGERPRINT, worker=3, incarnation=1, clock=1))
        self.assertEqual(beat.clock_min, 1)
        client.control("Leave", control_pb2.LeaveRequest(job_fingerprint=FINGERPRINT, worker=3, incarnation=1))

    def test_another_job_is_refused_everywhere(self):
        client, _ = connect(self.server)
        other = b"o" * 32
        self.assertEqual(self.refused(lambda: client.create_job(fingerprint=other))[0], grpc.StatusCode.ALREADY_EXISTS)
        self.assertEqual(self.refused(lambda: client.join(2, fingerprint=other))[0],
                         grpc.StatusCode.FAILED_PRECONDITION)
        self.assertEqual(Stream(client, 1, 1, fingerprint=other).end()[0], grpc.StatusCode.FAILED_PRECONDITION)

    def test_a_client_of_another_version_hears_both_versions(self):
        client, _ = connect(self.server)
        code, details = Stream(client, 1, 1, version=7).end()
        self.assertEqual(code, grpc.StatusCode.FAILED_PRECONDITION)
        self.assertIn("speaks 7 to 7, this server 1 to 1", details)
        request = create_job_request()
        request.versions.version = request.versions.version_min = 7
        self.assertEqual(self.refused(lambda: client.control("CreateJob", request))[0],
                         grpc.StatusCode.FAILED_PRECONDITION)

    def test_fields_of_a_later_version_are_skipped(self):
        _, stream = connect(self.server)
        unknown = b"\xa2\x06\x05hello" + b"\xa8\x06\x07"  # field 100, bytes; field 101, a number
        message = stream.piece(1, 1, [1, 1, 1, 1]).SerializeToString()
        stream.requests.put(message + unknown)
        self.assertEqual(fate(stream.read_acknowledgement()), "APPLIED")

    def test_a_method_that_there_is_not_is_unimplemented(self):
        client = Client(self.server.address)
        nothing = descriptor_pb2.FileDescriptorProto
        self.assertEqual(self.refused(lambda: client.call("/downpour.wire.Control/Fly", nothing(), nothing))[0],
                         grpc.StatusCode.UNIMPLEMENTED)

    def test_tells_its_health(self):
        client = Client(self.server.address)
        self.assertEqual(client.health(), "SERVING")
        self.assertEqual(client.health("downpour.wire.DataPlane"), "SERVING")
        self.assertEqual(self.refused(lambda: client.health("nobody"))[0], grpc.StatusCode.NOT_FOUND)

    def test_a_sync_round_reaches_the_other_worker(self):
        one_client, one = connect(self.server, worker=1, policy="sync {}")
        _, two = connect(self.server, worker=2, policy="sync {}")
        one.push(1, 1, [1, 1, 1, 1])
        self.assertEqual(fate(one.read_acknowledgement()), "HELD")
        one.pull(1, [1], clock=1)
        two.push(1, 1, [3, 3, 3, 3])
        self.assertEqual(fate(two.read_acknowledgement()), "APPLIED")
        self.assertEqual(fate(one.read_acknowledgement()), "APPLIED")
        self.assertEqual(one.read_weights(1), (-2, -2, -2, -2))

    def test_what_does_not_come_is_named_when_patience_ends(self):
        client, _ = connect(self.server, worker=1, policy="sync {}")
        waiting = Stream(client, 2, client.join(2).incarnation, patience_s=1)
        waiting.pull(1, [1], clock=1)
        with self.assertRaisesRegex(AssertionError, "1 s were not enough for weights of shard 1"):
            waiting.read_weights(1)


class Answers:
    """A client whose server has said these messages in advance."""

    def __init__(self, *messages):
        self.messages = messages

    def raw_exchange(self, requests, patience_s):
        return (message.SerializeToString() for message in self.messages)


class OrderTest(unittest.TestCase):
    def test_weights_that_come_before_an_acknowledgement_or_with_it_are_kept(self):
        def piece(ticket, offset):
            return data_plane_pb2.WeightsPiece(ticket=ticket, shard=1, total_bytes=8, offset=offset,
                                               payload=struct.pack("<f", ticket + offset))

        acknowledgement = data_plane_pb2.Acknowledgement(shard=1, fate=data_plane_pb2.Acknowledgement.APPLIED)
        stream = Stream(Answers(data_plane_pb2.ServerMessage(weights=[piece(1, 0), piece(2, 0)]),
                                data_plane_pb2.ServerMessage(weights=[piece(1, 4)]),
                                data_plane_pb2.ServerMessage(acknowledgements=[acknowledgement, acknowledgement],
                                                             weights=[piece(2, 4)])), 1, 1)
        self.assertEqual(fate(stream.read_acknowledgement()), "APPLIED")
        self.assertEqual(stream.read_weights(1), (1, 5))
        self.assertEqual(fate(stream.read_acknowledgement()), "APPLIED")
        self.assertEqual(stream.read_weights(1), (2, 6))
        with self.assertRaisesRegex(AssertionError, "before weights of shard 1"):
            stream.read_weights(1)


if __name__ == "__main__":
    unittest.main()
