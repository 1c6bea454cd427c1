"""A worker as another project would write it: plain protobuf and grpcio, nothing of ours but the .proto files."""

import collections
import queue
import struct

import grpc
from google.protobuf import text_format
from proto import control_pb2, data_plane_pb2, health_pb2, tensor_pb2

PATIENCE_S = 60  # of a call, and of a stream from its start to its end
FINGERPRINT = b"f" * 32
TWO_TABLES = """
    epoch: 1 servers: 0
    tables { name: "big" dimensions: 600000 }
    tables { name: "small" dimensions: 4 }
    shards { table: "big" element_count: 600000 }
    shards { table: "small" element_count: 4 }
"""


def versions():
    return control_pb2.VersionRange(version=1, version_min=1)


def create_job_request(fingerprint=FINGERPRINT, policy="async {}"):
    request = control_pb2.CreateJobRequest(versions=versions(), job_fingerprint=fingerprint)
    text_format.Parse(TWO_TABLES, request.shard_map)
    text_format.Parse("sgd { learning_rate: 1 }", request.optimizer)
    text_format.Parse(policy, request.policy)
    return request


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


class Client:
    def __init__(self, address, credentials=None, **options):
        settings = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        if credentials:
            self.channel = grpc.secure_channel(address, credentials, options=settings, **options)
        else:
            self.channel = grpc.insecure_channel(address, options=settings, **options)

    def close(self):
        self.channel.close()

    def call(self, method, request, response_type):
        call = self.channel.unary_unary(method, request_serializer=lambda message: message.SerializeToString(),
                                        response_deserializer=response_type.FromString)
        return call(request, timeout=PATIENCE_S)

    def control(self, name, request):
        return self.call(f"/downpour.wire.Control/{name}", request, getattr(control_pb2, name + "Response"))

    def create_job(self, **changes):
        return self.control("CreateJob", create_job_request(**changes))

    def join(self, worker, incarnation=0, fingerprint=FINGERPRINT):
        return self.control("Join", control_pb2.JoinRequest(versions=versions(), job_fingerprint=fingerprint,
                                                            worker=worker, incarnation=incarnation))

    def health(self, service=""):
        answer = self.call("/grpc.health.v1.Health/Check", health_pb2.HealthCheckRequest(service=service),
                           health_pb2.HealthCheckResponse)
        return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)

    def raw_exchange(self, messages, patience_s):
        """A stream of bytes; what comes back is bytes."""
        return self.channel.stream_stream("/downpour.wire.DataPlane/Exchange")(messages, timeout=patience_s)


class Stream:
    """One exchange, as the worker that joined."""

    def __init__(self, client, worker, incarnation, fingerprint=FINGERPRINT, version=1, hello=True,
                 patience_s=PATIENCE_S):
        self.worker = worker
        self.incarnation = incarnation
        self.requests = queue.Queue()
        self.patience_s = patience_s
        self.call = client.raw_exchange(iter(self.requests.get, None), patience_s)
        # What has come and was not asked for yet.
        self.hello = None
        self.acknowledgements = collections.deque()
        self.payloads = collections.defaultdict(bytearray)  # (ticket, shard) -> the part that has come
        self.weights = collections.defaultdict(collections.deque)  # shard -> values of whole answers
        if hello:
            message = data_plane_pb2.ClientMessage()
            message.hello.version = version
            message.hello.version_min = version
            message.hello.job_fingerprint = fingerprint
            message.hello.worker = worker
            message.hello.incarnation = incarnation
            self.send(message)

    def send(self, message):
        self.requests.put(message.SerializeToString())

    def send_last(self):
        self.requests.put(None)

    def piece(self, shard, sequence, values, offset=0, payload_bytes=None, **changes):
        payload = floats(values)
        end = None if payload_bytes is None else offset + payload_bytes
        fields = dict(shard=shard, epoch=1, worker=self.worker, incarnation=self.incarnation, sequence=sequence,
                      clock=sequence, dtype=tensor_pb2.FLOAT32, element_count=len(values), total_bytes=len(payload),
                      offset=offset, payload=payload[offset:end])
        fields.update(changes)
        return data_plane_pb2.ClientMessage(pushes=[data_plane_pb2.PushPiece(**fields)])

    def push(self, shard, sequence, values, piece_bytes=1 << 20):
        for offset in range(0, 4 * len(values), piece_bytes):
            self.send(self.piece(shard, sequence, values, offset, piece_bytes))

    def pull(self, ticket, shards, clock=0):
        self.send(data_plane_pb2.ClientMessage(pulls=[data_plane_pb2.PullRequest(
            ticket=ticket, epoch=1, worker=self.worker, incarnation=self.incarnation, clock=clock, shards=shards)]))

    def read_until(self, what, come):
        """Reads until `come()`, keeping all that comes: a pull is answered when it may be, before or after what else is due."""
        while not come():
            try:
                answer = data_plane_pb2.ServerMessage.FromString(next(self.call))
            except StopIteration:
                raise AssertionError(f"the stream ended with OK before {what}") from None
            except grpc.RpcError as error:
                in_vain = error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
                how = f"{self.patience_s} s were not enough for" if in_vain else f"the stream ended ({error}) before"
                raise AssertionError(f"{how} {what}") from error
            self.keep(answer)

    def keep(self, answer):
        if answer.HasField("hello"):
            self.hello = answer.hello
        self.acknowledgements += answer.acknowledgements
        for piece in answer.weights:
            payload = self.payloads[piece.ticket, piece.shard]
            assert piece.offset == len(payload), f"offset {piece.offset} after {len(payload)} bytes"
            payload += piece.payload
            if len(payload) == piece.total_bytes:
                del self.payloads[piece.ticket, piece.shard]
                self.weights[piece.shard].append(struct.unpack(f"<{len(payload) // 4}f", payload))

    def read_hello(self):
        self.read_until("the server's hello", lambda: self.hello)
        return self.hello

    def read_acknowledgement(self):
        """The next one that has not been read."""
        self.read_until("an acknowledgement", lambda: self.acknowledgements)
        return self.acknowledgements.popleft()

    def read_weights(self, shard):
        """The values of the next answer for a shard that has not been read."""
        self.read_until(f"weights of shard {shard}", lambda: self.weights[shard])
        return self.weights[shard].popleft()

    def end(self):
        """The status that the stream ended with, and its message."""
        try:
            for _ in self.call:
                pass
        except grpc.RpcError:
            pass
        if self.call.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
            raise AssertionError(f"{self.patience_s} s were not enough for the stream to end")
        return self.call.code(), self.call.details()


def connect(server, worker=1, **job):
    """(client, stream) of a worker that has joined."""
    client = Client(server.address)
    client.create_job(**job)
    return client, Stream(client, worker, client.join(worker).incarnation)


def fate(acknowledgement):
    name = data_plane_pb2.Acknowledgement.Fate.Name(acknowledgement.fate)
    if name != "REFUSED":
        return name
    return "REFUSED " + data_plane_pb2.Refusal.Reason.Name(acknowledgement.refusal.reason)
