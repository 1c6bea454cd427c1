#!/usr/bin/env python3
"""The reference network in TensorFlow beside `downpour bench step`, on the same cores, in turns. Needs TensorFlow: see
README.md.

    tests/peers/tf_step.py --models=cifar10,cifar10@32x32 --lanes=1 --rounds=5 [--json]
"""

import os

import step_contest

SIZES = {"cifar10": 24, "cifar10@32x32": 32}
VARIANTS = ("function", "xla")
PARAMETERS = {24: 1_068_298, 32: 1_756_426}


def make_step(tf, size, batch, xla):
    """As the tutorial has it, on TensorFlow 2: variables and tf.nn under tf.function."""
    side = -(-(-(-size // 2)) // 2)

    def variable(*shape):
        return tf.Variable(tf.random.truncated_normal(shape, stddev=0.05))

    weights = [variable(5, 5, 3, 64), variable(5, 5, 64, 64), variable(side * side * 64, 384), variable(384, 192),
               variable(192, 10)]
    biases = [variable(w.shape[-1]) for w in weights]
    count = sum(int(tf.size(v)) for v in weights + biases)
    if count != PARAMETERS[size]:
        raise SystemExit(f"{count} parameters here and {PARAMETERS[size]} in downpour: not the same network")
    images = tf.random.normal((batch, size, size, 3))
    labels = tf.random.uniform((batch,), maxval=10, dtype=tf.int32)

    def norm(x):
        return tf.nn.lrn(x, depth_radius=4, bias=1.0, alpha=0.001 / 9, beta=0.75)

    def pool(x):
        return tf.nn.max_pool2d(x, 3, 2, "SAME")

    @tf.function(jit_compile=xla)
    def step():
        with tf.GradientTape() as tape:
            x = norm(pool(tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(images, weights[0], 1, "SAME"), biases[0]))))
            x = pool(norm(tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, weights[1], 1, "SAME"), biases[1]))))
            x = tf.reshape(x, (batch, -1))
            x = tf.nn.relu(x @ weights[2] + biases[2])
            x = tf.nn.relu(x @ weights[3] + biases[3])
            logits = x @ weights[4] + biases[4]
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            loss += 0.004 * (tf.nn.l2_loss(weights[2]) + tf.nn.l2_loss(weights[3]))
        variables = weights + biases
        for v, g in zip(variables, tape.gradient(loss, variables)):
            v.assign_sub(0.01 * g)
        return loss

    return lambda: step().numpy()


def open_step(model, variant, batch, threads):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return f"tensorflow-{tf.__version__}", make_step(tf, SIZES[model], batch, variant == "xla")


if __name__ == "__main__":
    step_contest.run(__doc__.split("\n")[0], SIZES, VARIANTS, open_step)
