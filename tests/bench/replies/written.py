"""Which lines of the public test files the customer wrote, where the tests do not say it in words.

Lines count from 1. They follow what the library's test asserts, even where we would decide
otherwise: a forward, for instance, ends at its note here, and ours keeps the forwarded words.
"""

from __future__ import annotations

_SHARED = {
    "correct_sig": "1", "email_bullets": "1-9", "email_one_is_not_on": "1-5",
    "email_multi_word_sent_from_my_mobile_device": "1", "email_sent_from_my_not_signature": "1-3",
    "email_2_1": "1",
}  # fmt: skip
_RIAK = {
    "email_1": "1-7", "email_2": "1 9-34", "email_3": "1-5", "email_4": "1", "email_5": "1-15",
    "email_6": "1-3", "email_19": "1-3", "email_20": "1", "email_21": "all",
    "email_blackberry": "1", "email_iphone": "1", "email_custom_quote_header": "1",
    "email_customer_quote_header_2": "1", "email_customer_quote_header_3": "1-3",
    "email_thread": "1", "email_unquoted_reply": "1", "sig_no_empty_line": "1",
}  # fmt: skip
_FIRST_EIGHT = {
    "email_1_1": "1-7", "email_1_2": "1 9-34", "email_1_3": "1-5", "email_1_4": "1",
    "email_1_5": "1-15", "email_1_6": "1-3", "email_1_7": "1", "email_1_8": "13 19",
    "email_2_2": "1", "email_2_3": "1", "email_BlackBerry": "1", "email_gmail": "1",
    "email_headers_no_delimiter": "1", "email_iPhone": "1", "email_partial_quote_header": "1-6",
    "email_sig_delimiter_in_middle_of_line": "1-7", "greedy_on": "1-6", "pathological": "1-2",
}  # fmt: skip

WRITTEN: dict[str, dict[str, str]] = {
    "crisp": _SHARED | _RIAK | {
        "email_emoji": "1", "email_not_a_signature": "all", "email_not_a_signature_2": "all",
        "email_reply_header": "1-11", "email_sent_from": "1", "email_zoho": "1-2",
        "email_with_regards": "1-5", "email_tricky_11_double_signature": "1-4",
        "email_tricky_13_timestamp_variations": "all", "email_tricky_16_unicode_signatures": "1-4",
        "email_tricky_17_forward_header": "1", "email_tricky_18_inline_reply": "4 8 12",
        "email_tricky_19_quote_without_header": "1 7 12", "email_tricky_1_on_false_positive": "all",
        "email_tricky_20_html_entities": "1-3", "email_tricky_2_url_with_wrote": "all",
        "email_tricky_3_code_block": "all", "email_tricky_4_from_in_body": "all",
        "email_tricky_6_regards_in_sentence": "all", "email_tricky_7_multiple_dashes": "all",
        "email_tricky_8_sent_from_in_content": "all", "email_tricky_9_nested_quotes": "1",
    },
    "zapier": _SHARED | _FIRST_EIGHT,
    "willdurand": _SHARED | _RIAK | {
        "email_issue_77": "1-8", "email_ls-l": "all", "email_w10_mail": "1-2",
        "email_zimbra_free_en": "1-9", "email_zimbra_free_fr": "1-10", "email_23_1": "1-7",
    },
    "edgetier": _SHARED | _FIRST_EIGHT | {
        "best_example": "1-9", "bet_at_home_bottom_posting": "11-13",
        "bet_at_home_footer_separator": "1-3", "dutch_beste_example": "all", "email_arabic": "1-5",
        "email_arabic_2": "1", "email_arabic_3": "1", "email_continue_after_signoff": "1-5",
        "email_czech_1": "1", "email_french": "1-11", "email_french_accent_sent_on": "1",
        "email_german": "all", "email_german_2": "1", "email_greek_1": "1-5",
        "email_iphone_arabic": "1", "email_iphone_finnish": "1-7", "email_iphone_french": "1-7",
        "email_iphone_polish": "1-7", "email_iphone_portuguese": "1-7", "email_iphone_start": "3-9",
        "email_iphone_start_german": "3-9", "email_malformed_thread_header": "1-3",
        "email_no_signature": "all", "email_one_line": "all", "email_polish_1": "1",
        "email_polish_2": "1", "email_polish_3": "1", "email_polish_4": "1",
        "email_portuguese": "1-8", "email_portuguese_1": "1", "email_portuguese_2": "1",
        "email_portuguese_3": "1-5", "email_romanian_1": "1", "email_signature": "1-7",
        "email_with_header_warning": "7-11", "email_with_quoted_text": "1-5",
        "email_with_stars_signoff": "1-7", "email_with_two_headers": "1",
        "forwarded_message_french": "1-8", "french_signoff": "1-4", "george_best": "1-7",
        "german_signoff": "1-3", "german_signoff_2": "1-3", "long_passage": "all",
        "original_message_german": "1-5", "original_message_german_2": "1-2",
        "sent_from_device_in_thread": "1", "sent_from_device_in_thread_dutch": "1",
        "sent_from_device_in_thread_english": "1", "sent_from_device_in_thread_german": "1",
        "sent_from_device_in_thread_hungarian": "1", "sent_from_device_in_thread_portuguese": "1",
        "sent_from_device_in_thread_romanian": "1", "sincerely_message": "1-9",
        "spanish_signoff": "1-5", "swiss_german_signoff_no_trailing_newline": "all",
        "swiss_german_signoff_with_quoted_thread": "1-3", "test_word_limit": "all",
        "vielen_dank_mid_message": "all",
    },
}  # fmt: skip
