#!/usr/bin/env bash
# diffusers 0.42.1 with accelerate 1.15.0: while one thread loads a model, layers that other threads build are empty.
#
# `ModelMixin.from_pretrained` builds the model without numbers first (low_cpu_mem_usage is the default where
# accelerate is installed), and does so by replacing a method of torch.nn.Module for the whole process.
# Seen: a torch.nn.Linear that a second thread makes meanwhile, with no word of diffusers, has weights on the device
# "meta", and using it raises a RuntimeError. Two models that are loaded at once meet the same fate.
# Expected: another thread's layers are none of its business. With low_cpu_mem_usage=False they are not.
# Exit status: 0 as long as it is so, 1 when it changes. PYTHON may name an interpreter (3.11 or newer).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check diffusers==0.42.1 accelerate==1.15.0 torch==2.13.0 numpy 2> "$folder/pip" || { cat "$folder/pip"; exit 2; }
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import sys
import threading

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin

print(*(f"{name} {importlib.metadata.version(name)}" for name in ("diffusers", "accelerate", "torch")))
begun, go_on = threading.Event(), threading.Event()


class Model(ModelMixin, ConfigMixin):
    config_name = "config.json"

    @register_to_config
    def __init__(self, size: int = 4):
        super().__init__()
        begun.set()
        go_on.wait(20)  # so that the other thread is surely at work meanwhile
        self.layer = torch.nn.Linear(size, size)


go_on.set()
Model().save_pretrained("model")
found = {}
for options in ({}, {"low_cpu_mem_usage": False}):
    begun.clear(), go_on.clear()
    loading = threading.Thread(target=Model.from_pretrained, args=("model",), kwargs=options)
    loading.start()
    begun.wait(20)
    layer = torch.nn.Linear(4, 4)
    go_on.set()
    loading.join()
    found[bool(options)] = layer.weight.device.type
    try:
        layer(torch.ones(1, 4)).tolist()
        used = "can be used"
    except (NotImplementedError, RuntimeError) as problem:
        used = f"{type(problem).__name__}: {str(problem).splitlines()[0][:60]}"
    print(f"  {options or 'default'}: another thread's layer is on {found[bool(options)]}; {used}")
print("  afterwards:", torch.nn.Linear(4, 4).weight.device.type)
sys.exit(found != {False: "meta", True: "cpu"})
PYTHON
