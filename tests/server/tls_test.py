"""TLS on connections that come by the server's own gate, and roles in front of every method."""

import shutil
import subprocess
import sys
import tempfile
import unittest

from server_process import ServerProcess, skip_without_grpc

skip_without_grpc()
if not shutil.which("openssl"):
    print("SKIPPED: openssl is missing, which makes the certificates (deploy/setup.sh)")
    sys.exit(0)

import grpc  # noqa: E402
from plain_client import Client, Stream, fate  # noqa: E402

FOLDER = tempfile.TemporaryDirectory()


def setUpModule():
    subprocess.run(["deploy/make_certs.sh", FOLDER.name], check=True, capture_output=True)


def tearDownModule():
    FOLDER.cleanup()


def pem(name):
    with open(f"{FOLDER.name}/{name}", "rb") as file:
        return file.read()


def credentials(role=None):
    if role is None:
        return grpc.ssl_channel_credentials(pem("ca.crt"))
    return grpc.ssl_channel_credentials(pem("ca.crt"), pem(f"{role}.key"), pem(f"{role}.crt"))


def start(*flags, listen="127.0.0.1:0"):
    return ServerProcess(f"--cert_file={FOLDER.name}/server.crt", f"--key_file={FOLDER.name}/server.key", *flags,
                         listen=listen)


def start_mutual(listen="127.0.0.1:0"):
    return start("--client_cert_auth", f"--trusted_ca_file={FOLDER.name}/ca.crt", listen=listen)


class TlsTest(unittest.TestCase):
    def code(self, call):
        try:
            call()
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    def address(self, server):
        return f"localhost:{server.port}"

    def test_a_worker_trains_over_mutual_tls(self):
        with start_mutual(listen="0.0.0.0:0") as server:
            client = Client(self.address(server), credentials("worker"))
            client.create_job()
            stream = Stream(client, 1, client.join(1).incarnation)
            stream.push(0, 1, [1.0] * 600000)
            self.assertEqual(fate(stream.read_acknowledgement()), "APPLIED")
            stream.pull(1, [0], clock=1)
            self.assertEqual(set(stream.read_weights(0)), {-1.0})
            self.assertEqual(server.terminate(), 0)

    def test_plaintext_does_not_come_through(self):
        with start() as server:
            self.assertEqual(self.code(Client(self.address(server)).health), grpc.StatusCode.UNAVAILABLE)
            self.assertEqual(self.code(Client(self.address(server), credentials()).health), grpc.StatusCode.OK)

    def test_who_has_no_certificate_or_the_wrong_role_may_not_call(self):
        with start_mutual() as server:
            self.assertEqual(self.code(Client(self.address(server), credentials()).create_job),
                             grpc.StatusCode.UNAVAILABLE)
            monitor = Client(self.address(server), credentials("monitor"))
            self.assertEqual(self.code(monitor.create_job), grpc.StatusCode.PERMISSION_DENIED)
            self.assertEqual(self.code(monitor.health), grpc.StatusCode.OK)
            self.assertEqual(Stream(monitor, 1, 1).end()[0], grpc.StatusCode.PERMISSION_DENIED)


if __name__ == "__main__":
    unittest.main()
