"""Operators of ai.onnx.ml: what scikit-learn and its relatives export."""
import numpy as np

from case import Case

ML = "ai.onnx.ml"
BRANCHES = {"BRANCH_LEQ": np.less_equal, "BRANCH_LT": np.less, "BRANCH_GTE": np.greater_equal,
            "BRANCH_GT": np.greater, "BRANCH_EQ": np.equal, "BRANCH_NEQ": np.not_equal}


def floats(values):
    return [float(each) for each in np.asarray(values).reshape(-1)]


def table(draw, least=1):
    return draw.values(draw.one_of(("float32", "float64", "int32", "int64")),
                       (draw.integer(least, 40), draw.integer(1, 9)))


def scaler(draw):
    x = table(draw)
    width = x.shape[1] if draw.chance() else 1
    offset, scale = draw.values("float32", (width,)), draw.values("float32", (width,))
    answer = (x.astype(np.float64) - offset) * scale
    return Case("Scaler", [x], [answer.astype(np.float32)], {"offset": floats(offset), "scale": floats(scale)},
                domain=ML)


def normalizer(draw):
    x = table(draw)
    norm = draw.one_of(("MAX", "L1", "L2"))
    wide = x.astype(np.float64)
    size = {"MAX": np.abs(wide).max(1), "L1": np.abs(wide).sum(1), "L2": np.sqrt((wide ** 2).sum(1))}[norm]
    if norm == "MAX":  # the greatest value itself, as ONNX Runtime and sklearn-onnx have it
        size = wide.max(1)
    if (size == 0).any():
        return normalizer(draw)
    return Case("Normalizer", [x], [(wide / size[:, None]).astype(np.float32)], {"norm": norm}, domain=ML)


def binarizer(draw):
    x = draw.values("float32", draw.shape(least=1, most=3))
    threshold = round(float(draw.random.uniform(-2, 2)), 2)
    return Case("Binarizer", [x], [(x > np.float32(threshold)).astype(np.float32)], {"threshold": threshold}, domain=ML)


def imputer(draw):
    integers = draw.chance()
    x = draw.values("int64" if integers else "float32", (draw.integer(1, 20), draw.integer(1, 6)))
    width = x.shape[1] if draw.chance() else 1
    kind = "int64s" if integers else "floats"
    fill = draw.values(x.dtype.name, (width,), 50, 60)
    if integers:
        missing = int(x.flat[0])
        holes = x == missing
    else:
        missing = float("nan")
        holes = draw.values("bool", x.shape)
        x = np.where(holes, np.float32(np.nan), x)
    values = [int(each) for each in fill] if integers else floats(fill)
    return Case("Imputer", [x], [np.where(holes, fill, x)],
                {f"imputed_value_{kind}": values, f"replaced_value_{kind[:-1]}": missing}, domain=ML)


def one_hot(draw):
    categories = [int(each) for each in draw.random.permutation(12)[:draw.integer(1, 8)]]
    x = draw.random.integers(0, 12, draw.shape(most=2, empty=False)).astype(np.int64)
    answer = (x[..., None] == np.array(categories)).astype(np.float32)
    return Case("OneHotEncoder", [x], [answer], {"cats_int64s": categories, "zeros": 1}, domain=ML)


def labels(draw):
    keys = [int(each) for each in draw.random.permutation(20)[:draw.integer(1, 9)]]
    values = floats(draw.values("float32", (len(keys),)))
    default = round(float(draw.random.uniform(-9, 9)), 2)
    x = draw.random.integers(0, 20, draw.shape(most=3)).astype(np.int64)
    known = dict(zip(keys, values))
    answer = np.array([known.get(int(each), default) for each in x.reshape(-1)], dtype=np.float32).reshape(x.shape)
    return Case("LabelEncoder", [x], [answer],
                {"keys_int64s": keys, "values_floats": values, "default_float": default}, domain=ML)


def transform(name, scores):
    if name == "LOGISTIC":
        return 1 / (1 + np.exp(-scores))
    if name == "SOFTMAX":
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        return shares / shares.sum(-1, keepdims=True)
    return scores


def linear(draw):
    x = table(draw)
    targets = draw.integer(1, 5)
    weights = draw.values("float32", (targets, x.shape[1]), -1, 1)
    bias = draw.values("float32", (targets,), -1, 1)
    scores = x.astype(np.float64) @ weights.T.astype(np.float64) + bias
    if draw.chance():
        return Case("LinearRegressor", [x], [scores.astype(np.float32)],
                    {"coefficients": floats(weights), "intercepts": floats(bias), "targets": targets}, domain=ML)
    if targets < 3:
        return linear(draw)
    post = draw.one_of(("NONE", "LOGISTIC", "SOFTMAX"))
    names = [int(each) for each in draw.random.permutation(50)[:targets]]
    best = np.array(names, dtype=np.int64)[scores.argmax(1)]
    return Case("LinearClassifier", [x], [best, transform(post, scores).astype(np.float32)],
                {"coefficients": floats(weights), "intercepts": floats(bias), "classlabels_ints": names,
                 "post_transform": post}, domain=ML)


def svm_regressor(draw):
    x = draw.values("float32", (draw.integer(1, 20), draw.integer(1, 6)), -1, 1)
    count = draw.integer(1, 9)
    support = draw.values("float32", (count, x.shape[1]), -1, 1)
    weights, rho = draw.values("float32", (count,), -1, 1), draw.values("float32", (1,), -1, 1)
    gamma, coef0, degree = 0.5, 0.25, 2
    products = x.astype(np.float64) @ support.T.astype(np.float64)
    kind = draw.one_of(("LINEAR", "POLY", "RBF", "SIGMOID"))
    distances = ((x[:, None].astype(np.float64) - support[None]) ** 2).sum(-1)
    kernel = {"LINEAR": products, "POLY": (gamma * products + coef0) ** degree, "RBF": np.exp(-gamma * distances),
              "SIGMOID": np.tanh(gamma * products + coef0)}[kind]
    answer = kernel @ weights.astype(np.float64) + rho
    return Case("SVMRegressor", [x], [answer.reshape(-1, 1).astype(np.float32)],
                {"kernel_type": kind, "kernel_params": [gamma, coef0, float(degree)], "n_supports": count,
                 "support_vectors": floats(support), "coefficients": floats(weights), "rho": floats(rho)}, domain=ML)


class Trees:
    """A random forest as the lists of attributes that the operators take, and what it answers."""

    def __init__(self, draw, features, targets):
        self.draw, self.features, self.targets = draw, features, targets
        self.nodes = {name: [] for name in ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids",
                                            "falsenodeids", "missing_value_tracks_true")}
        self.leaves = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
        self.roots = []

    def add_tree(self, number, depth):
        self.count = 0
        self.roots.append(self.add_node(number, depth))

    def add_node(self, tree, depth):
        node = self.count
        self.count += 1
        place = len(self.nodes["modes"])
        for name in self.nodes:
            self.nodes[name].append(0)
        leaf = depth == 0 or self.draw.chance(0.2)
        self.nodes["treeids"][place], self.nodes["nodeids"][place] = tree, node
        if leaf:
            self.nodes["modes"][place], self.nodes["values"][place] = "LEAF", 0.0
            weights = {}
            for target in self.draw.some_of(range(self.targets), 1):
                weights[target] = float(np.float32(self.draw.random.uniform(-1, 1)))
                for name, value in zip(self.leaves, (tree, node, target, weights[target])):
                    self.leaves[name].append(value)
            return weights
        feature = self.draw.integer(0, self.features - 1)
        mode = self.draw.one_of(sorted(BRANCHES))
        value = float(np.float32(self.draw.integer(-3, 3)))
        missing = self.draw.integer(0, 1)
        self.nodes["featureids"][place], self.nodes["modes"][place] = feature, mode
        self.nodes["values"][place], self.nodes["missing_value_tracks_true"][place] = value, missing
        self.nodes["truenodeids"][place] = self.count
        yes = self.add_node(tree, depth - 1)
        self.nodes["falsenodeids"][place] = self.count
        no = self.add_node(tree, depth - 1)
        return feature, mode, value, missing, yes, no

    def leaf_of(self, node, row):
        while isinstance(node, tuple):
            feature, mode, value, missing, yes, no = node
            taken = BRANCHES[mode](row[feature], value) or (missing and np.isnan(row[feature]))
            node = yes if taken else no
        return node


def trees(draw):
    x = np.rint(draw.values("float32", (draw.one_of((1, 3, 40)), draw.integer(1, 6))))
    if draw.chance(0.3):
        x = np.where(draw.random.random(x.shape) < 0.1, np.float32(np.nan), x)
    forest = Trees(draw, x.shape[1], draw.integer(1, 3))
    for number in range(draw.integer(1, 12)):
        forest.add_tree(number, draw.integer(0, 4))
    aggregate = draw.one_of(("SUM", "AVERAGE", "MIN", "MAX"))
    base = floats(draw.values("float32", (forest.targets,))) if draw.chance() else []
    answer = np.zeros((len(x), forest.targets))
    for i, row in enumerate(x):
        votes = [forest.leaf_of(root, row) for root in forest.roots]
        for target in range(forest.targets):
            said = [vote[target] for vote in votes if target in vote]
            together = {"SUM": sum(said), "AVERAGE": sum(said) / len(votes), "MIN": min(said, default=0),
                        "MAX": max(said, default=0)}[aggregate]
            answer[i, target] = together + (base[target] if base else 0)
    attributes = {f"nodes_{name}": values for name, values in forest.nodes.items()}
    attributes |= {f"target_{name}": values for name, values in forest.leaves.items()}
    attributes |= {"n_targets": forest.targets, "aggregate_function": aggregate}
    attributes |= {"base_values": base} if base else {}
    return Case("TreeEnsembleRegressor", [x], [answer.astype(np.float32)], attributes, domain=ML)


def columns(draw):
    if draw.chance():
        x = draw.values(draw.one_of(("float32", "int64")), draw.shape(least=1, empty=False))
        at = draw.random.integers(0, x.shape[-1], draw.integer(1, 5)).astype(np.int64)
        # A row of its own where there is but one dim, as ONNX Runtime has it.
        answer = x[..., at] if x.ndim > 1 else x[at][None]
        return Case("ArrayFeatureExtractor", [x, at], [answer], domain=ML)
    rows = draw.integer(1, 5)
    parts = [draw.values("float32", (rows, draw.integer(1, 4))) for _ in range(draw.integer(1, 3))]
    return Case("FeatureVectorizer", parts, [np.concatenate(parts, 1)],
                {"inputdimensions": [part.shape[1] for part in parts]}, domain=ML)


FAMILY = (scaler, normalizer, binarizer, imputer, one_hot, labels, linear, linear, svm_regressor, trees, trees, trees,
          columns)
