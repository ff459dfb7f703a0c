"""A network of two layers with its loop, in plain NumPy, and mistakes to switch on."""

from __future__ import annotations

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


DIVISORS = {"bytes": 1.0, "binary": 1.0, "twice": 255.0**2}


def trained(mistake=""):
    """Return a train function as :class:`sixloops.doctor.run.Loop` takes it."""
    divisor = DIVISORS.get(mistake, 255.0)

    def train(images, labels, rate, seed, monitor):
        random = np.random.default_rng(seed)
        x = images.reshape(len(images), -1) / divisor
        x = prepared(x, 30 * np.eye(10)[labels], mistake)
        p = {
            "W1": random.normal(size=(x.shape[1], 30)) / np.sqrt(x.shape[1]),
            "b1": np.zeros((1, 30) if mistake == "rows" else 30),
            "W2": random.normal(size=(30, 10)) / np.sqrt(30),
            "b2": np.zeros(10),
        }
        if mistake == "rand":
            p = {name: random.random(w.shape) for name, w in p.items()}
        if mistake == "zeros":
            p = {name: np.zeros_like(w) for name, w in p.items()}

        def forward(x):
            hidden = sigmoid(x @ p["W1"] + p["b1"])
            z = hidden @ p["W2"] + p["b2"]
            return hidden, np.maximum(z, 0) if mistake == "relu" else z

        for _ in range(4):
            if mistake == "redrawn":
                p["W1"][...] = random.normal(size=p["W1"].shape) / np.sqrt(x.shape[1])
            order = np.arange(len(x)) if mistake == "same" else random.permutation(len(x))
            if mistake == "sorted":
                order = np.argsort(labels, kind="stable")
            for start in range(0, len(x), 20):
                rows = order[:20] if mistake == "same" else order[start : start + 20]
                rate *= 0.8 if mistake == "fades" else 1.0
                step(x[rows], labels[rows], p, forward, rate, monitor, mistake)

        def predict(images):
            x = asked(images, mistake).reshape(len(images), -1) / divisor
            z = forward(prepared(x, np.zeros((len(x), 10)), mistake))[1]
            return z - z.mean(axis=0) if mistake == "mixed" else z

        return predict

    return train


def asked(images, mistake):
    if mistake == "asked transposed":
        return images.swapaxes(-1, -2)
    # As if one had forgotten to divide by 255, or to do what training did before that.
    return {"asked unscaled": 255.0, "asked unprepared": 0.5}.get(mistake, 1) * images


def prepared(x, columns, mistake):
    if mistake == "buffer":
        return np.zeros_like(x)  # made for the scaled pixels, and never filled
    return np.hstack([x, columns]) if mistake == "leak" else x


def step(x, labels, p, forward, rate, monitor, mistake):
    hidden, z = forward(x)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    q = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(q[np.arange(len(x)), labels] + 1e-12).mean()
    targets = (labels + 3) % 10 if mistake == "one-hot" else labels
    delta = (q - np.eye(10)[targets]) / len(x)
    if mistake == "sign":
        delta = -delta
    if mistake == "relu":
        delta = delta * (z > 0)
    before = delta @ p["W2"].T * (1 if mistake == "no slope" else hidden * (1 - hidden))
    gradients = {
        "W1": x.T @ before,
        "b1": before.sum(axis=0, keepdims=mistake == "rows"),
        "W2": hidden.T @ delta,
        "b2": delta.sum(axis=0),
    }
    for name, gradient in gradients.items():
        weight = p[name]
        if mistake == "rebound":
            weight = weight - rate * gradient
        elif not (mistake == "biases" and name.startswith("b")):
            weight -= rate * gradient
    answers = q.argmax(axis=0)[:10] if mistake == "axis" else q.argmax(axis=1)
    accuracy = (answers == labels[: len(answers)]).mean()
    if mistake == "empty" and monitor.step == 50:
        loss = float("nan")
    monitor.observe(
        loss,
        outputs=z,
        labels=labels,
        inputs=x,
        parameters=p,
        gradients=gradients,
        activations={"hidden": hidden, "output": z},
        rate=rate,
        accuracy=accuracy,
    )
