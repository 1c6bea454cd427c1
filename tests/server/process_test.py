"""The life of the server's process: its command line, how it stops, how it comes back, how many it lets in."""

import os
import resource
import signal
import socket
import tempfile
import time
import unittest

from server_process import ServerProcess, open_descriptors, run, skip_without_grpc, wait_until

skip_without_grpc()

import grpc  # noqa: E402
from plain_client import Client, Stream, connect, fate  # noqa: E402


class CommandLineTest(unittest.TestCase):
    def test_says_what_is_wrong_and_exits_with_2(self):
        for flags, word in [(["--listen=nowhere"], "HOST:PORT"), (["--task=worker/1"], "server/0"),
                            (["--fly"], "--fly"), (["--log_format=xml"], "xml"),
                            (["--listen=0.0.0.0:0"], "--insecure_allow_plaintext"),
                            (["--listen=127.0.0.1:0", "--port_file=/nowhere/port"], "/nowhere/port"),
                            (["--listen=127.0.0.1:0", "--cert_file=/nowhere/cert.pem"], "file")]:
            status, output = run(*flags)
            self.assertEqual(status, 2, output)
            self.assertIn(word, output)

    def test_shows_help_and_the_versions_of_what_it_is_built_on(self):
        status, output = run("--help")
        self.assertEqual(status, 0)
        self.assertIn("--connections_max", output)
        status, output = run("--version")
        self.assertEqual(status, 0)
        self.assertIn("grpc", output)

    def test_a_port_that_is_taken_is_an_error(self):
        with ServerProcess() as server:
            status, output = run(f"--listen=127.0.0.1:{server.port}")
            self.assertEqual(status, 2)
            self.assertIn("Address already in use", output)

    def test_every_address_is_served_when_plaintext_is_asked_for(self):
        with ServerProcess("--insecure_allow_plaintext", listen="0.0.0.0:0") as server:
            self.assertEqual(Client(server.address).health(), "SERVING")

    def test_writes_the_port_to_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "port")
            with ServerProcess(f"--port_file={path}") as server:
                with open(path) as file:
                    self.assertEqual(int(file.read()), server.port)


class StopTest(unittest.TestCase):
    def test_drains_on_sigterm_and_exits_with_0(self):
        with ServerProcess() as server:
            client, stream = connect(server)
            stream.push(0, 1, [1.0] * 600000)
            self.assertEqual(fate(stream.read_acknowledgement()), "APPLIED")
            server.process.send_signal(signal.SIGTERM)
            code, _ = stream.end()
            self.assertEqual(code, grpc.StatusCode.UNAVAILABLE)
            self.assertEqual(server.process.wait(60), 0)

    def test_exits_at_once_when_nobody_is_there(self):
        with ServerProcess() as server:
            self.assertEqual(server.terminate(), 0)

    def test_a_second_signal_does_not_wait_for_who_does_not_read(self):
        with ServerProcess("--drain_timeout=1000") as server:
            client, stream = connect(server)
            for ticket in range(40):  # 90 MiB that nobody reads
                stream.pull(ticket, [0])
            time.sleep(0.5)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            self.assertIsNone(server.process.poll())
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(60), 130)

    def test_who_does_not_read_holds_up_the_end_only_until_the_limit(self):
        with ServerProcess("--drain_timeout=0.2") as server:
            client, stream = connect(server)
            for ticket in range(40):
                stream.pull(ticket, [0])
            time.sleep(0.2)
            self.assertEqual(server.terminate(), 0)

    def test_a_server_that_was_killed_comes_back_as_another_and_empty(self):
        with ServerProcess() as server:
            client, stream = connect(server)
            before = stream.read_hello().server_incarnation
            port = server.port
            server.process.kill()
            self.assertEqual(stream.end()[0], grpc.StatusCode.UNAVAILABLE)
        with ServerProcess(listen=f"127.0.0.1:{port}") as server:
            client = Client(server.address)
            with self.assertRaises(grpc.RpcError) as caught:
                client.join(1, incarnation=1)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
            self.assertNotIn(client.create_job().server_incarnation, [0, before])

    def test_a_server_that_stood_still_goes_on_with_its_workers(self):
        with ServerProcess(heartbeat_timeout=0.5) as server:
            client, stream = connect(server)
            stream.push(1, 1, [1] * 4)
            self.assertEqual(fate(stream.read_acknowledgement()), "APPLIED")
            server.process.send_signal(signal.SIGSTOP)
            time.sleep(2)
            server.process.send_signal(signal.SIGCONT)
            stream.push(1, 2, [1] * 4)
            self.assertEqual(fate(stream.read_acknowledgement()), "APPLIED")


class ConnectionsTest(unittest.TestCase):
    def flood(self, server, count):
        sockets = []
        for _ in range(count):
            connection = socket.socket()
            connection.settimeout(5)
            try:
                connection.connect(("127.0.0.1", server.port))
                sockets.append(connection)
            except OSError:
                connection.close()
        return sockets

    def assert_serves_again(self, server, sockets):
        for connection in sockets:
            connection.close()
        start = time.monotonic()
        wait_until(lambda: self.is_serving(server), "the server serves again")
        print(f"serves again after {time.monotonic() - start:.3f} s")

    def is_serving(self, server):
        client = Client(server.address)
        try:
            return client.health() == "SERVING"
        except grpc.RpcError:
            return False
        finally:
            client.close()

    def test_past_the_most_new_connections_are_told_why_and_closed(self):
        with ServerProcess("--connections_max=8") as server:
            client, stream = connect(server)
            sockets = self.flood(server, 30)
            last = sockets[-1].recv(4096)
            self.assertIn(b"connections", last)
            self.assertEqual(sockets[-1].recv(4096), b"")
            stream.push(1, 1, [1] * 4)
            self.assertEqual(fate(stream.read_acknowledgement()), "APPLIED", "who was there goes on")
            self.assert_serves_again(server, sockets)

    def test_a_flood_beyond_the_limit_of_descriptors_is_survived(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
        with ServerProcess("--connections_max=100000", descriptors=400) as server:
            client, stream = connect(server)
            sockets = self.flood(server, 1000)
            self.assertLess(open_descriptors(server.process.pid), 400)
            stream.push(1, 1, [1] * 4)
            self.assertEqual(fate(stream.read_acknowledgement()), "APPLIED")
            self.assert_serves_again(server, sockets)
            wait_until(lambda: open_descriptors(server.process.pid) < 250, "the connections are closed")


if __name__ == "__main__":
    unittest.main()
