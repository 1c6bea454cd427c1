"""A server's status as another project would ask for it, and what a person may have the server do."""

import time
import unittest

from server_process import PATIENCE_S, ServerProcess, skip_without_grpc

skip_without_grpc()

import grpc  # noqa: E402
from plain_client import Client  # noqa: E402
from proto import status_pb2  # noqa: E402


def watch(client, period_ms, **what):
    call = client.channel.unary_stream("/downpour.wire.Status/Watch",
                                       request_serializer=lambda message: message.SerializeToString(),
                                       response_deserializer=status_pb2.StatusReport.FromString)
    return call(status_pb2.WatchRequest(period_ms=period_ms, what=status_pb2.StatusRequest(**what)), timeout=PATIENCE_S)


class StatusTest(unittest.TestCase):
    def get(self, client, **what):
        return client.call("/downpour.wire.Status/Get", status_pb2.StatusRequest(**what), status_pb2.StatusReport)

    def admin(self, client, name, request=None):
        request = request or getattr(status_pb2, name + "Request")()
        return client.call(f"/downpour.wire.Admin/{name}", request, getattr(status_pb2, name + "Response"))

    def test_tells_what_it_waits_for_and_then_what_it_holds(self):
        with ServerProcess() as server:
            client = Client(server.address)
            before = self.get(client)
            self.assertEqual(before.task.state, status_pb2.TaskStatus.WAITING)
            self.assertIn("worker", before.task.waiting_for)
            self.assertEqual(before.task.address, server.address)
            self.assertEqual(before.task.pid, server.process.pid)
            client.create_job()
            client.join(3)
            report = self.get(client)
            self.assertEqual(report.task.state, status_pb2.TaskStatus.RUNNING)
            self.assertEqual([shard.table for shard in report.server.shards], ["big", "small"])
            self.assertEqual(report.workers[0].name, "worker/3")
            self.assertEqual(report.workers[0].state, status_pb2.WorkerStatus.LIVE)
            self.assertGreater(report.task.cpu_seconds, 0)
            self.assertEqual(len(self.get(client, without_shards=True).server.shards), 0)

    def test_a_watch_tells_it_again_and_again_until_the_server_ends(self):
        with ServerProcess() as server:
            client = Client(server.address)
            client.create_job()
            reports = watch(client, 100)
            start = time.monotonic()
            uptimes = [next(reports).task.uptime_seconds for _ in range(5)]
            self.assertGreater(time.monotonic() - start, 0.3)
            self.assertEqual(uptimes, sorted(uptimes))
            # Whoever hangs up is forgotten, and others are told on.
            gone = watch(client, 100)
            next(gone)
            gone.cancel()
            next(reports)
            server.process.terminate()
            with self.assertRaises(grpc.RpcError) as caught:
                for _ in reports:
                    pass
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
            self.assertEqual(server.process.wait(PATIENCE_S), 0)

    def test_many_who_watch_and_do_not_read_hurt_nobody(self):
        with ServerProcess() as server:
            client = Client(server.address)
            client.create_job()
            watches = [watch(client, 100) for _ in range(50)]
            for reports in watches:
                next(reports)
            time.sleep(1)
            start = time.monotonic()
            self.get(client)
            self.assertLess(time.monotonic() - start, PATIENCE_S / 2)

    def test_a_person_shuts_it_down(self):
        with ServerProcess() as server:
            client = Client(server.address)
            with self.assertRaises(grpc.RpcError) as caught:
                self.admin(client, "StopJob")
            self.assertEqual(caught.exception.code(), grpc.StatusCode.FAILED_PRECONDITION)
            self.admin(client, "Shutdown")
            self.assertEqual(server.process.wait(PATIENCE_S), 0)

    def test_nonsense_is_refused(self):
        with ServerProcess() as server:
            client = Client(server.address)
            for method in ["Status/Get", "Status/Watch", "Admin/DrainWorker"]:
                call = client.channel.unary_stream("/downpour.wire." + method)
                with self.assertRaises(grpc.RpcError) as caught:
                    list(call(b"\xff\xff\xff", timeout=PATIENCE_S))
                self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT, method)
            self.get(client)


if __name__ == "__main__":
    unittest.main()
