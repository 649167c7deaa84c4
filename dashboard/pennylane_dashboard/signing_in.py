"""Who asks: the person who signed in, if the dashboard has a sign-in (docs/dashboard.md)."""

import os

import streamlit as st

from pennylane_dashboard.start import SIGN_IN_IS_ON
from pennylane_dashboard.words import Language, Words

PLEASE = Words(
    "Connectez-vous pour voir les sociétés auxquelles vous avez accès.",
    "Sign in to see the companies that are granted to you.",
)
SIGN_IN = Words("Se connecter", "Sign in")
SIGN_OUT = Words("Se déconnecter", "Sign out")
UNVERIFIED = Words(
    "Le service de connexion n'a pas confirmé votre adresse e-mail : rien ne peut être affiché."
    " Confirmez-la auprès de lui, ou adressez-vous à votre administrateur.",
    "The sign-in service has not verified your e-mail address, so nothing can be shown. Verify it"
    " there, or ask your administrator.",
)


class SignedOutError(Exception):
    """Nobody has signed in, so nothing may be asked."""


def is_on() -> bool:
    """Tell whether people have to sign in.

    The program that started Streamlit says so, because secrets that cannot be read look like none.
    """
    return os.environ.get(SIGN_IN_IS_ON) == "yes" or (
        bool(st.secrets.load_if_toml_exists()) and "auth" in st.secrets
    )


def person() -> str | None:
    """Return the verified e-mail address of the person who asks; None if there is no sign-in.

    Raises:
        SignedOutError: nobody has signed in, or the address is not verified.
    """
    if not is_on():
        return None
    address = st.user.get("email")
    if (
        st.user.get("is_logged_in") is True
        and str(st.user.get("email_verified")).lower() == "true"
        and isinstance(address, str)
        and "@" in address
    ):
        return address
    raise SignedOutError


def let_in(language: Language) -> bool:
    """Tell whether the page may be drawn; otherwise say what to do.

    Args:
        language: of the sentences.
    """
    if not is_on():
        return True
    try:
        address = person()
    except SignedOutError:
        if st.user.get("is_logged_in"):
            st.error(UNVERIFIED(language))
            st.button(SIGN_OUT(language), on_click=st.logout)
        else:
            st.info(PLEASE(language))
            st.button(SIGN_IN(language), on_click=st.login, type="primary")
        return False
    with st.sidebar:
        st.caption(str(address))
        st.button(SIGN_OUT(language), on_click=st.logout, type="tertiary")
    return True
