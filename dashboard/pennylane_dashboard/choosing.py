"""Widgets for the filters.

What is chosen is kept in the address, so that a view can be sent to somebody.
"""

from collections.abc import Sequence

import streamlit as st

from pennylane_dashboard.filters import NO_OPTION, Option, chosen
from pennylane_dashboard.view import View
from pennylane_dashboard.words import LANGUAGES, Language, Words

ALL = Words("Tout", "All")
LANGUAGE = Words("Langue", "Language")
NAMES = {"fr": "Français", "en": "English"}


def pick(
    name: str,
    label: str,
    options: Sequence[Option],
    default: Option,
    *,
    unknown: Words = NO_OPTION,
    resets: Sequence[str] = (),
) -> Option:
    """Let one of several values be chosen.

    Args:
        name: of the address's parameter.
        label: of the widget.
        options: what there is.
        default: what the address leaves out.
        unknown: the sentence if the address names something else.
        resets: parameters that a choice makes meaningless.

    Raises:
        UnknownValueError: the address names something else.
    """
    option = chosen(options, st.query_params.get(name), default, unknown)
    key = f"filter-{name}"
    st.session_state[key] = option.value
    labels = {each.value: each.label for each in options}
    st.selectbox(
        label,
        list(labels),
        format_func=lambda value: labels.get(value, value),
        key=key,
        on_change=_keep,
        args=(name, key, default.value, tuple(resets)),
    )
    return option


def pick_any(view: View, name: str, label: Words, options: Sequence[Option]) -> str | None:
    """Let one of several values be chosen, or all of them.

    Args:
        view: the language.
        name: of the address's parameter.
        label: of the widget.
        options: what there is.

    Returns:
        The value; None stands for all.
    """
    every = Option("", view.say(ALL))
    return pick(name, view.say(label), [every, *options], every).value or None


def write(view: View, name: str, label: Words, placeholder: Words) -> str:
    """Let a text be written.

    Args:
        view: the language.
        name: of the address's parameter.
        label: of the widget.
        placeholder: an example.
    """
    key = f"filter-{name}"
    st.session_state[key] = st.query_params.get(name, "")
    st.text_input(
        view.say(label),
        key=key,
        placeholder=view.say(placeholder),
        max_chars=100,
        on_change=_keep,
        args=(name, key, "", ("after",)),
    )
    return str(st.query_params.get(name, "")).strip()


def switch_language(language: Language) -> None:
    """Let the language be chosen."""
    key = "filter-lang"
    st.session_state[key] = language
    st.segmented_control(
        LANGUAGE(language),
        LANGUAGES,
        format_func=NAMES.__getitem__,
        key=key,
        required=True,
        label_visibility="collapsed",
        on_change=_keep,
        args=("lang", key, None, ()),
    )


def _keep(name: str, key: str, default: str | None, resets: Sequence[str]) -> None:
    """Put what was chosen into the address."""
    for each in (*resets, "after"):
        st.query_params.pop(each, None)
    if st.session_state[key] == default:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = st.session_state[key]
