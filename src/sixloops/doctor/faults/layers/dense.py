"""Dense layers and batch normalisation, sound and not."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Dense:
    """Rows are samples; backward updates the weights itself."""

    def __init__(self, input_size, output_size):
        self.weights = np.random.randn(input_size, output_size)
        self.bias = np.random.randn(1, output_size)

    def forward(self, input_data):
        self.input = input_data
        return np.dot(input_data, self.weights) + self.bias

    def backward(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        self.weights -= learning_rate * np.dot(self.input.T, output_error)
        self.bias -= learning_rate * output_error.sum(axis=0, keepdims=True)
        return input_error


class DenseResidual(Dense):
    """Sound too: the error is target − output, and weights move along it."""

    def backward(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        self.weights += learning_rate * np.dot(self.input.T, output_error)
        self.bias += learning_rate * output_error.sum(axis=0, keepdims=True)
        return input_error


class DenseUpdatesFirst(Dense):
    def backward(self, output_error, learning_rate):
        self.weights -= learning_rate * np.dot(self.input.T, output_error)
        self.bias -= learning_rate * output_error.sum(axis=0, keepdims=True)
        return np.dot(output_error, self.weights.T)


class DenseBiasForgotten(Dense):
    def backward(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        self.weights -= learning_rate * np.dot(self.input.T, output_error)
        return input_error


class DenseBiasOfAll(Dense):
    def backward(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        self.weights -= learning_rate * np.dot(self.input.T, output_error)
        self.bias -= learning_rate * output_error.sum()
        return input_error


class DenseLastSample(Dense):
    def backward(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        for x, e in zip(self.input, output_error, strict=True):
            dw, db = np.outer(x, e), e[None]
        self.weights -= learning_rate * dw
        self.bias -= learning_rate * db
        return input_error


class DenseReturnsInput(Dense):
    def backward(self, output_error, learning_rate):
        self.weights -= learning_rate * np.dot(self.input.T, output_error)
        self.bias -= learning_rate * output_error.sum(axis=0, keepdims=True)
        return self.input


def linear_forward(A_prev, W, b):
    """Columns are samples."""
    return W @ A_prev + b, (A_prev, W, b)


def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    return W.T @ dZ, dZ @ A_prev.T / m, dZ.sum(axis=1, keepdims=True) / m


def linear_backward_sum_for_bias(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    return W.T @ dZ, dZ @ A_prev.T / m, dZ.sum(axis=1, keepdims=True)


def linear_backward_bias_of_all(dZ, cache):
    A_prev, W, b = cache
    return W.T @ dZ, dZ @ A_prev.T, np.full(b.shape, dZ.sum())


def linear_backward_divided_dx(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    return W.T @ dZ / m, dZ @ A_prev.T, dZ.sum(axis=1, keepdims=True)


class SigmoidLayer:
    """Dense with a sigmoid inside; gradients in a dictionary."""

    def __init__(self, n_in, n_out):
        self.params = {"W": np.random.randn(n_out, n_in), "b": np.random.randn(n_out)}

    def forward(self, x):
        self.x = x
        self.z = x @ self.params["W"].T + self.params["b"]
        self.a = sigmoid(self.z)
        return self.a

    def slope(self):
        return self.a * (1 - self.a)

    def backward(self, delta):
        dz = delta * self.slope()
        self.grads = {"W": dz.T @ self.x, "b": dz.sum(axis=0)}
        return dz @ self.params["W"]


class SigmoidLayerNoSlope(SigmoidLayer):
    def slope(self):
        return 1.0


class SigmoidLayerSlopeAtOutput(SigmoidLayer):
    def slope(self):
        return sigmoid(self.a) * (1 - sigmoid(self.a))


class SigmoidLayerSlopeTwice(SigmoidLayer):
    def slope(self):
        return (self.a * (1 - self.a)) ** 2


class SigmoidLayerSlopeOnlyInDW(SigmoidLayer):
    def backward(self, delta):
        super().backward(delta)
        return delta @ self.params["W"]


class SigmoidLayerBiasNoSlope(SigmoidLayer):
    def backward(self, delta):
        dx = super().backward(delta)
        self.grads["b"] = delta.sum(axis=0)
        return dx


def batchnorm_forward(x, gamma, beta):
    mu, var = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(var + 1e-5)
    xhat = (x - mu) / std
    return gamma * xhat + beta, (x, xhat, gamma, std)


def batchnorm_backward(dout, cache):
    x, xhat, gamma, std = cache
    dgamma, dbeta = (dout * xhat).sum(axis=0), dout.sum(axis=0)
    m = len(dout)
    dx = gamma / std * (dout - dbeta / m - xhat * dgamma / m)
    return dx, dgamma, dbeta


def batchnorm_backward_constants(dout, cache):
    x, xhat, gamma, std = cache
    return gamma / std * dout, (dout * xhat).sum(axis=0), dout.sum(axis=0)


def batchnorm_backward_variance(dout, cache):
    x, xhat, gamma, std = cache
    dx = gamma / std * (dout - dout.mean(axis=0))
    return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)


def batchnorm_backward_gamma_of_x(dout, cache):
    x, xhat, gamma, std = cache
    return batchnorm_backward(dout, cache)[0], (dout * x).sum(axis=0), dout.sum(axis=0)


def batchnorm_backward_no_gamma(dout, cache):
    x, xhat, gamma, std = cache
    dx, dgamma, dbeta = batchnorm_backward(dout, cache)
    return dx / gamma, dgamma, dbeta
