"""Chat templates after the manner of well-known models, for the tests of Ollama's form."""

from __future__ import annotations

_GENERATION = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
_CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    + _GENERATION
)
JOINING = {
    "chatml": _CHATML,
    "begins with BOS": "{{ bos_token }}" + _CHATML,
    "a default system message": (
        "{% if messages[0].role != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n{% endif %}"
        + _CHATML
    ),
    "the system message inside the user's": (
        "{{ bos_token }}{% set s = messages[0].content + '\n\n' if messages[0].role == 'system'"
        " else '' %}{% for m in messages if m.role != 'system' %}<|im_start|>{{ m.role }}\n"
        "{% if loop.first %}{{ s }}{% endif %}{{ m.content | trim }}<|im_end|>\n{% endfor %}"
        + _GENERATION
    ),
    "no system message": (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
        "{% endif %}[{{ m.role }}]{{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}"
        "{% endif %}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
    ),
    "braces": (
        "{% for m in messages %}{{ '{{' }}{{ m.role }}}}{{ m.content }}{{ eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '{{' }}assistant}}{% endif %}"
    ),
}
"""What only joins messages, each in its way."""

OTHER = {
    "the system message before the last question": (
        "{% for m in messages if m.role != 'system' %}<|im_start|>{{ m.role }}\n"
        "{% if loop.last and messages[0].role == 'system' %}{{ messages[0].content }}\n{% endif %}"
        "{{ m.content }}<|im_end|>\n{% endfor %}" + _GENERATION
    ),
    "answers counted": (
        "{% for m in messages %}<|im_start|>{{ m.role }} {{ loop.index }}\n{{ m.content }}"
        "<|im_end|>\n{% endfor %}" + _GENERATION
    ),
    "only the last message": (
        "<|im_start|>user\n{{ messages[-1].content }}<|im_end|>\n" + _GENERATION
    ),
}
"""What does more, so that no such form could write the same."""
