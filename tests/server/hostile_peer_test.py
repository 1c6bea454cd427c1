"""Peers that are broken or mean no good: each hears what is wrong, and everybody else goes on."""

import random
import socket
import unittest

from server_process import ServerProcess, skip_without_grpc

skip_without_grpc()

import grpc  # noqa: E402
from plain_client import Client, Stream, connect, fate  # noqa: E402
from proto import data_plane_pb2  # noqa: E402


class HostilePeerTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(ServerProcess())
        self.client, self.witness = connect(self.server, worker=9)
        self.witness.read_hello()
        self.steps = 0

    def tearDown(self):
        self.assert_serves()

    def assert_serves(self):
        self.steps += 1
        self.witness.push(1, self.steps, [1, 1, 1, 1])
        self.assertEqual(fate(self.witness.read_acknowledgement()), "APPLIED")
        self.witness.pull(self.steps, [1], clock=self.steps)
        self.assertEqual(self.witness.read_weights(1), (-self.steps,) * 4, "nothing else was applied")

    def stream(self):
        return Stream(self.client, 1, self.client.join(1).incarnation)

    def test_bytes_that_are_no_message_end_the_stream(self):
        stream = self.stream()
        stream.requests.put(b"\xff" * 100)
        self.assertEqual(stream.end()[0], grpc.StatusCode.INVALID_ARGUMENT)

    def test_random_bytes_end_the_stream_one_way_or_another(self):
        noise = random.Random(1)
        for _ in range(20):
            stream = Stream(self.client, 1, 1, hello=False)
            stream.requests.put(noise.randbytes(noise.randrange(5000)))
            stream.send_last()
            self.assertNotEqual(stream.end()[0], grpc.StatusCode.OK)

    def test_bytes_that_are_not_even_http_close_the_connection(self):
        with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
            connection.settimeout(30)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n" + b"\0" * 1000)
            try:
                while connection.recv(4096):
                    pass
            except ConnectionError:
                pass

    def test_a_message_beyond_the_limit_ends_the_stream(self):
        stream = self.stream()
        stream.requests.put(bytes(5 << 20))
        self.assertEqual(stream.end()[0], grpc.StatusCode.RESOURCE_EXHAUSTED)

    def test_a_compressed_message_is_not_inflated(self):
        for algorithm in [grpc.Compression.Gzip, grpc.Compression.Deflate]:
            client = Client(self.server.address, compression=algorithm)
            stream = Stream(client, 1, 1, hello=False)
            stream.requests.put(bytes(3 << 20))
            stream.send_last()
            self.assertIn(stream.end()[0], [grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INVALID_ARGUMENT,
                                            grpc.StatusCode.INTERNAL])
            client.close()

    def test_a_lying_length_is_refused_and_the_stream_goes_on(self):
        stream = self.stream()
        for sequence, changes in enumerate([dict(total_bytes=17), dict(element_count=5), dict(total_bytes=1 << 63),
                                            dict(offset=(1 << 64) - 8), dict(payload=b"")], 1):
            stream.send(stream.piece(1, sequence, [5, 5, 5, 5], **changes))
            self.assertEqual(fate(stream.read_acknowledgement()), "REFUSED BYTE_COUNT", changes)
        stream.send(stream.piece(1, 10, [5, 5, 5, 5], element_count=1 << 61, total_bytes=1 << 63))
        self.assertEqual(fate(stream.read_acknowledgement()), "REFUSED ELEMENT_COUNT")

    def test_what_makes_no_sense_is_refused_and_the_stream_goes_on(self):
        stream = self.stream()
        for sequence, (reason, changes) in enumerate([
                ("UNKNOWN_SHARD", dict(shard=2)), ("EPOCH_STALE", dict(epoch=0)), ("EPOCH_FUTURE", dict(epoch=2)),
                ("NOT_OF_THIS_STREAM", dict(worker=9)), ("NOT_OF_THIS_STREAM", dict(incarnation=9)),
                ("DTYPE", dict(dtype=77)), ("VERSION_FUTURE", dict(version_pulled=1000))], 1):
            stream.send(stream.piece(**dict(dict(shard=1, sequence=sequence, values=[5, 5, 5, 5]), **changes)))
            self.assertEqual(fate(stream.read_acknowledgement()), "REFUSED " + reason)
        stream.send(stream.piece(1, 20, [5, float("nan"), 5, 5]))
        self.assertEqual(fate(stream.read_acknowledgement()), "REFUSED NOT_FINITE")

    def test_half_a_push_is_in_nothing(self):
        stream = self.stream()
        stream.send(stream.piece(1, 1, [5, 5, 5, 5], payload_bytes=8))
        stream.send_last()
        self.assertEqual(stream.end()[0], grpc.StatusCode.OK)

    def test_a_stream_without_a_hello_and_one_with_two_end(self):
        stream = Stream(self.client, 1, 1, hello=False)
        stream.pull(1, [0])
        self.assertEqual(stream.end()[0], grpc.StatusCode.INVALID_ARGUMENT)
        stream = self.stream()
        again = data_plane_pb2.ClientMessage()
        again.hello.version = 1
        stream.send(again)
        self.assertEqual(stream.end()[0], grpc.StatusCode.INVALID_ARGUMENT)

    def test_the_later_of_two_processes_with_one_number_fences_the_earlier(self):
        earlier = self.stream()
        earlier.read_hello()
        later = self.stream()
        later.read_hello()
        self.assertEqual(earlier.end()[0], grpc.StatusCode.ABORTED)


if __name__ == "__main__":
    unittest.main()
