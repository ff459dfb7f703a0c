"""Losses, sound and not."""

import numpy as np


def mse(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2)


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / y_true.size


def mse_prime_half(y_true, y_pred):
    return (y_pred - y_true) / y_true.size


def mse_prime_sign(y_true, y_pred):
    return 2 * (y_true - y_pred) / y_true.size


class SoftmaxCrossEntropy:
    def forward(self, logits, labels):
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.p, self.labels = e / e.sum(axis=1, keepdims=True), labels
        return -np.log(self.p[np.arange(len(labels)), labels]).mean()

    def backward(self):
        d = self.p.copy()
        d[np.arange(len(d)), self.labels] -= 1
        return d / len(d)


class SoftmaxCrossEntropySummed(SoftmaxCrossEntropy):
    def backward(self):
        return super().backward() * len(self.p)
