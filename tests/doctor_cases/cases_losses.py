"""Losses as people wrote them: each fault beside its mended twin; plain NumPy, as data."""

# ruff: noqa: A002, E741, N801, N802, N803, N806, N815, NPY002, RET503, RET504, RUF059, RUF100
import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# 22: the loss is a mean, the gradient a sum
class SoftmaxCrossEntropy:
    def forward(self, logits, labels):
        self.probs = softmax(logits)
        self.labels = labels
        n = logits.shape[0]
        return -np.mean(np.log(self.probs[np.arange(n), labels]))

    def backward(self):
        d = self.probs.copy()
        d[np.arange(len(d)), self.labels] -= 1
        return d


class SoftmaxCrossEntropyMended(SoftmaxCrossEntropy):
    def backward(self):
        return super().backward() / len(self.probs)


# 21: softmax of probabilities
class DoubleSoftmaxLoss:
    def forward(self, logits, onehot):
        self.y = onehot
        self.p = softmax(softmax(logits))
        return -np.sum(onehot * np.log(self.p)) / len(logits)

    def backward(self):
        return (self.p - self.y) / len(self.y)


class DoubleSoftmaxLossMended(DoubleSoftmaxLoss):
    def forward(self, logits, onehot):
        self.y = onehot
        self.p = softmax(logits)
        return -np.sum(onehot * np.log(self.p)) / len(logits)


# 23: y - p
def xent(z, y):
    p = softmax(z)
    return -np.log(p[y == 1]).sum(), (p, y)


def xent_grad(cache):
    p, y = cache
    return y - p


def xent_grad_mended(cache):
    p, y = cache
    return p - y


# 23: half the squared error, target - output
class HalfSquare:
    def forward(self, y_pred, y_true):
        self.diff = y_true - y_pred
        return 0.5 * (self.diff**2).sum()

    def backward(self):
        return self.diff


class HalfSquareMended(HalfSquare):
    def backward(self):
        return -self.diff


# 22: mean over every number, gradient divided by the batch alone
class MeanSquare:
    def forward(self, y_pred, y_true):
        self.diff = y_pred - y_true
        return np.mean(self.diff**2)

    def backward(self):
        return 2 * self.diff / len(self.diff)


class MeanSquareMended(MeanSquare):
    def backward(self):
        return 2 * self.diff / self.diff.size


# 30: (n, 1) against (n,)
class ColumnError:
    def forward(self, out, target):
        self.residual = out - target.reshape(-1)
        return np.mean(self.residual**2)

    def backward(self):
        return 2 * self.residual.mean(axis=1, keepdims=True) / len(self.residual)


class ColumnErrorMended:
    def forward(self, out, target):
        self.residual = out - target.reshape(out.shape)
        return np.mean(self.residual**2)

    def backward(self):
        return 2 * self.residual / len(self.residual)


# 31: the shift of softmax is the maximum of everything
class GlobalShiftLoss:
    def forward(self, x, y):
        shifted = np.exp(x - np.max(x))
        self.p = shifted / np.sum(shifted, axis=1, keepdims=True)
        self.y = y
        return -np.sum(y * np.log(self.p + 1e-12)) / x.shape[0]

    def backward(self):
        return (self.p - self.y) / self.y.shape[0]


class GlobalShiftLossMended(GlobalShiftLoss):
    def forward(self, x, y):
        z = x - x.max(axis=1, keepdims=True)
        logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        self.p, self.y = np.exp(logp), y
        return -np.sum(y * logp) / x.shape[0]


# 32: the logarithm of 0
class BinaryCrossEntropy:
    def forward(self, logits, t):
        self.a, self.t = 1 / (1 + np.exp(-logits)), t
        return -np.sum(t * np.log(self.a) + (1 - t) * np.log(1 - self.a))

    def backward(self):
        return self.a - self.t


class BinaryCrossEntropyMended(BinaryCrossEntropy):
    def forward(self, logits, t):
        small = np.exp(-np.abs(logits))
        self.a = np.where(logits >= 0, 1 / (1 + small), small / (1 + small))
        self.t = t
        return np.sum(np.maximum(logits, 0) - logits * t + np.log1p(small))


# 32: probabilities in, logarithm bare
class NegativeLog:
    def forward(self, probs, onehot):
        self.probs, self.onehot = probs, onehot
        return -(onehot * np.log(probs)).sum() / len(probs)

    def backward(self):
        return -self.onehot / self.probs / len(self.probs)


class NegativeLogMended(NegativeLog):
    def forward(self, probs, onehot):
        return super().forward(np.clip(probs, 1e-12, 1.0), onehot)


# 18: sigmoid and squared error in one, the sigmoid's derivative forgotten
class SigmoidSquare:
    def forward(self, z, y):
        self.a, self.y = 1 / (1 + np.exp(-z)), y
        return np.sum((self.a - y) ** 2) / 2

    def backward(self):
        return self.a - self.y


class SigmoidSquareMended(SigmoidSquare):
    def backward(self):
        return (self.a - self.y) * self.a * (1 - self.a)
