"""The words that people use for the arrays and settings of a layer."""

from __future__ import annotations

import re
from typing import Any

FORWARD = (
    "forward", "__call__", "call", "fprop", "forward_pass", "forward_prop", "feedforward",
    "feed_forward", "forward_propagation", "forwardprop", "fwd", "propagate", "forward_propagate",
    "f", "apply", "activate", "compute", "convolve", "pool", "run",
)  # fmt: skip
BACKWARD = (
    "backward", "backprop", "bprop", "backward_pass", "backward_prop", "backpropagate",
    "back_propagation", "backpropagation", "backward_propagation", "back", "bwd", "back_prop",
    "back_propagate", "backwards", "gradient", "grad", "compute_gradients", "compute_gradient",
)  # fmt: skip
SLOPE = ("derivative", "prime", "deriv", "df", "gradient_of", "dfunc", "derivate")

COTANGENT = {
    "dy", "dout", "da", "dz", "dh", "dl", "do", "dldy", "dldout", "dldo", "dldz", "grad", "g",
    "gradout", "gradoutput", "outputgradient", "outputgrad", "outputgradients", "gradoutputs",
    "delta", "deltas", "error", "err", "errors", "e", "upstream", "dvalues", "gradient",
    "gradients", "accumgrad", "dnext", "nextgrad", "gradnext", "upstreamgrad", "upstreamgradient",
    "dcdy", "dedy", "outputerror", "outerror", "topdiff", "diff", "dloss", "gy", "gradin",
    "dprev", "dtop", "residual", "backpropagatederror", "dzout", "dlossdout", "dyhat", "dp",
    "dpool", "dconv", "dact", "dupstream", "nexterror", "nextdelta", "lossgradient", "lossgrad",
    "d", "doutput", "doutputs", "dlda", "dx",
}  # fmt: skip
INPUT = {
    "x", "input", "inputs", "inp", "aprev", "lastinput", "layerinput", "inputdata", "data",
    "image", "images", "img", "bottom", "z", "a", "h", "inputtensor", "batch", "xbatch", "signal",
    "featuremap", "featuremaps", "feature", "maps", "volume", "xin", "indata", "inputs0", "t",
    "logits", "scores", "pred", "preds", "prediction", "predictions", "yhat", "ypred", "outputs",
    "imgs", "activations", "previousactivations", "linputs",
}  # fmt: skip
OUTPUT = {"y", "out", "output", "outputs", "a", "yhat", "lastoutput", "result"}
PREDICTIONS = {"dvalues", "output", "outputs", "probs", "probabilities", "p", "yhat", "softmaxout"}
"""What a loss's backward calls the predictions, which may be those of a softmax inside."""
CACHE = {"cache", "caches", "ctx", "context", "saved", "memory", "forwardcache", "mem", "tape"}
RATE = {"learningrate", "lr", "learnrate", "eta", "rate", "stepsize", "epsilonw", "lrate"}
LABELS = {
    "target", "targets", "labels", "label", "ytrue", "truth", "t", "y", "expected", "desired",
    "onehot", "onehots", "yonehot", "onehotlabels", "groundtruth", "gt", "actual", "yactual",
    "classes", "correct", "teacher", "answer", "answers", "ytarget", "ylabel", "ylabels", "yt",
    "desiredoutput", "expectedoutput", "trueoutput", "trueoutputs", "trueclasses", "goal",
}  # fmt: skip
TRAINING = {"training", "train", "istraining", "trainingmode", "trainmode", "training_"}

WEIGHT = {
    "w", "weight", "weights", "kernel", "kernels", "filter", "filters", "theta", "k", "ws",
    "filterweights", "convfilters", "kern", "filt", "conv1filters", "matrix", "wx",
}  # fmt: skip
BIAS = {"b", "bias", "biases", "bs", "offset", "intercept", "bvec"}
GAMMA = {"gamma", "scale", "g"}
BETA = {"beta", "shift"}

KERNEL_SIZE = {
    "size", "poolsize", "kernelsize", "kernel", "ksize", "filtersize", "window", "windowsize", "f",
    "k", "fieldsize", "field", "pool", "kernelshape", "poolingsize", "poolshape", "ks", "fsize",
    "kernelwidth", "kernelheight", "poolheight", "poolwidth", "kh", "kw", "ph", "pw", "block",
    "height", "width", "hh", "ww", "n", "filterdim", "kerneldim", "fh", "fw", "windowshape",
    "blocksize", "poolsizes", "filtershape", "poolh", "poolw", "kernelh", "kernelw", "filterh",
    "filterw", "filterheight", "filterwidth", "windowh", "windoww", "windowheight", "windowwidth",
    "poolrows", "poolcols", "kernelrows", "kernelcols", "sizeh", "sizew", "hpool", "wpool",
}  # fmt: skip
STRIDE = {
    "stride", "strides", "s", "step", "poolstride", "steps", "convstride", "strideh", "stridew",
    "sh", "sw", "strideheight", "stridewidth", "stridex", "stridey", "hstride", "wstride",
}  # fmt: skip
PADDING = {
    "pad", "padding", "p", "pads", "zeropadding", "padsize", "padh", "padw", "padheight",
    "padwidth", "paddingh", "paddingw", "padx", "pady",
}  # fmt: skip
CHANNELS_IN = {
    "inchannels", "channels", "inputchannels", "inputdepth", "inch", "cin", "numchannels", "depth",
    "nchannels", "inc", "channelsin", "c", "indepth", "inputmaps", "infeatures2d", "ninchannels",
}  # fmt: skip
GROUPS = {"groups", "group", "ngroups", "numgroups", "g"}
CHANNELS_OUT = {
    "outchannels", "filters", "numfilters", "nfilters", "outch", "cout", "kernels", "numkernels",
    "nkernels", "outputchannels", "outdepth", "outc", "channelsout", "outputdepth", "nf",
    "nofilters", "filternum", "nfilter", "numfilter", "outputmaps",
}  # fmt: skip
UNITS_IN = {
    "inputsize", "infeatures", "nin", "ninputs", "inputdim", "inputs", "fanin", "insize", "indim",
    "inputlen", "numinputs", "inputunits", "inunits", "nx", "inputnodes", "numfeatures", "dim",
    "nfeatures", "features", "d", "inputfeatures", "din",
}  # fmt: skip
UNITS_OUT = {
    "outputsize", "outfeatures", "nout", "units", "nneurons", "neurons", "outputdim", "outputs",
    "fanout", "outsize", "outdim", "nodes", "numoutputs", "outputunits", "outunits", "ny", "m",
    "outputnodes", "noutputs", "numunits", "numneurons", "hidden", "dout", "outputfeatures",
}  # fmt: skip
INPUT_SHAPE = {"inputshape", "inshape", "shapein", "shape", "imageshape", "xshape", "inputdims"}


def plain(name: str) -> str:
    """Return a name without case and underscores, as the sets here have them.

    Examples:
        >>> plain("d_L_dOut")
        'dldout'
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


WRAPPED = {"data", "value", "val", "values"}
"""How people call the array inside a parameter of a class of their own."""


def own_name(path: str) -> str:
    """Return what an array is called by itself, of its dotted path.

    Examples:
        >>> own_name("params.W"), own_name("bias.data"), own_name("data")
        ('W', 'bias', 'data')
    """
    parent, _, leaf = path.rpartition(".")
    if parent and plain(leaf) in WRAPPED:
        return own_name(parent)
    return leaf


SIZES: tuple[tuple[set[str], Any], ...] = (
    (STRIDE, 2),
    (PADDING, 0),
    (CHANNELS_IN, 3),
    (CHANNELS_OUT, 4),
    (UNITS_IN, 5),
    (UNITS_OUT, 4),
    (RATE, 0.5),
    (TRAINING, True),
    (KERNEL_SIZE, 2),
    ({"momentum"}, 0.9),
    ({"eps", "epsilon"}, 1e-5),
    ({"alpha", "slope", "negativeslope"}, 0.1),
    ({"batch", "batchsize"}, 2),
)


def guess(name: str) -> Any:
    """Return a usual value for a setting, or None where the word is not known.

    Examples:
        >>> guess("pool_size"), guess("in_channels"), guess("flavour")
        (2, 3, None)
    """
    word = plain(name)
    return next((value for words, value in SIZES if word in words), None)


def gradient_words(name: str) -> set[str]:
    """Return the names under which people keep the gradient of ``name``."""
    root = plain(name)
    roots = {root}
    for words in (WEIGHT, BIAS, GAMMA, BETA, {"x", "input", "inputs", "in", "aprev", "prev"}):
        if root in words:
            roots |= words
    forms = (
        "d{}", "grad{}", "{}grad", "{}gradient", "{}gradients", "gradient{}", "gradients{}",
        "grads{}", "{}grads", "g{}", "dld{}", "del{}", "delta{}", "{}delta", "nabla{}", "dloss{}",
        "dlossd{}", "dcd{}", "ded{}", "dj{}", "djd{}", "{}error", "grad{}s", "d{}s", "dl{}",
    )  # fmt: skip
    return {form.format(each) for form in forms for each in roots}


def exact_gradient_words(name: str) -> set[str]:
    """Return the names of the gradient of ``name`` that use the very name."""
    root = plain(name)
    return {f"d{root}", f"grad{root}", f"{root}grad", f"{root}gradient", f"{root}gradients"}


ARRAYS = r"(x|w|b|weights?|bias(es)?|kernels?|filters?|gamma|beta|inputs?)"


def looks_like_a_gradient(name: str) -> bool:
    """Say whether a name is one of a gradient, or of an optimiser's memory.

    Examples:
        >>> looks_like_a_gradient("dW"), looks_like_a_gradient("weights_gradient")
        (True, True)
        >>> looks_like_a_gradient("W"), looks_like_a_gradient("gamma")
        (False, False)
    """
    word = name.rpartition(".")[2]
    if re.match(r"^_*(d|g)[A-Z_]", word) or re.match(rf"^d{ARRAYS}$", word):
        return True
    return bool(re.search(r"grad|delta|veloc|moment|nabla", word.lower()))
