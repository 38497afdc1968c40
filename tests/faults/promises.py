"""Which tests prove each row of docs/explanation/faults.md.

A key is the first cell of a row of the page. A test of this folder is named by its function, with
the id of its row if it is parametrised by rows.py or query_rows.py. A test elsewhere is named by
its file below tests/ too: ``annex/test_register.py::test_name``. test_table.py compares all of it.
"""

PROMISES = {
    "Status 404: the image is not there": ["test_image_fault[404]"],
    "Status 404 for the image's id, in place of the redirect": ["test_fetch_fault[404-for-the-id]"],
    "Status 206: a part, which was not asked for": ["test_fetch_fault[206]"],
    "Status 429: too many requests": ["test_fetch_fault[429]", "test_fault_that_passes[429]"],
    "Status 500": ["test_image_fault[500]", "test_fault_that_passes[500]"],
    "Status 500 for the image's id, in place of the redirect": [
        "test_fetch_fault[500-for-the-id]",
        "test_fault_that_passes[500-for-the-id]",
    ],
    "Status 503 without `Retry-After`": ["test_fetch_fault[503]", "test_fault_that_passes[503]"],
    "Status 503 with `Retry-After: 1`": [
        "test_image_fault[503-retry-after-seconds]",
        "test_fault_that_passes[503-retry-after-seconds]",
    ],
    "Status 503 with `Retry-After:` and a date": [
        "test_image_fault[503-retry-after-date]",
        "test_fault_that_passes[503-retry-after-date]",
    ],
    "A page of HTML with status 200": ["test_image_fault[html]", "test_fault_that_passes[html]"],
    "A page of HTML with status 200, labelled `image/jpeg`": [
        "test_image_fault[html-as-jpeg]",
        "test_fault_that_passes[html-as-jpeg]",
    ],
    "Status 200 and no byte": ["test_image_fault[empty]", "test_fault_that_passes[empty]"],
    "An image compressed by gzip, which was not asked for": ["test_image_fault[gzip-encoded]"],
    "A whole image of another width or height": ["test_image_fault[wrong-size]"],
    "A PNG labelled `image/jpeg`": ["test_image_fault[wrong-format]"],
    "A JPEG labelled `image/png`": ["test_fetch_fault[wrong-label]"],
    "A second image after the image's end": [
        "test_fetch_fault[two-in-one]",
        "test_fault_that_passes[two-in-one]",
    ],
    "Cut short; no length was given": [
        "test_image_fault[cut-without-length]",
        "test_fault_that_passes[cut-without-length]",
    ],
    "Cut short of the `Content-Length`": [
        "test_image_fault[cut-with-length]",
        "test_fault_that_passes[cut-with-length]",
    ],
    "Cut short in the middle of a chunked reply": [
        "test_image_fault[cut-chunked]",
        "test_fault_that_passes[cut-chunked]",
    ],
    "A `Content-Length` smaller than the image": [
        "test_image_fault[length-too-small]",
        "test_fault_that_passes[length-too-small]",
    ],
    "Connection reset before an answer": [
        "test_image_fault[reset]",
        "test_fault_that_passes[reset]",
    ],
    "Connection reset in place of the redirect": [
        "test_fetch_fault[reset-for-the-id]",
        "test_fault_that_passes[reset-for-the-id]",
    ],
    "Connection reset in the middle of the image": [
        "test_fetch_fault[reset-in-the-middle]",
        "test_fault_that_passes[reset-in-the-middle]",
    ],
    "The connection is made, and nothing comes": [
        "test_fetch_fault[no-answer]",
        "test_fault_that_passes[no-answer]",
    ],
    "Half of the image comes, then nothing": [
        "test_image_fault[stall]",
        "test_fault_that_passes[stall]",
    ],
    "A few bytes per second, without end": [
        "test_image_fault[trickle]",
        "test_fault_that_passes[trickle]",
    ],
    "A few bytes per second where the size of the next chunk is due": [
        "test_image_fault[trickle-in-chunk-size]",
        "test_fault_that_passes[trickle-in-chunk-size]",
    ],
    "A few bytes per second after the last chunk": [
        "test_fetch_fault[trickle-in-trailer]",
        "test_fault_that_passes[trickle-in-trailer]",
    ],
    "An image without an end": ["test_image_fault[endless]"],
    "A redirect back to itself": ["test_image_fault[redirect-loop]"],
    "A redirect without an address": ["test_fetch_fault[redirect-nowhere]"],
    "A redirect to a text that is no address": ["test_fetch_fault[redirect-no-address]"],
    "A redirect to another port of the same machine": ["test_image_fault[redirect-other-port]"],
    "A second redirect, to another port of the same machine": [
        "test_fetch_fault[redirect-other-port-late]"
    ],
    "A redirect to another name of the same machine": ["test_image_fault[redirect-other-host]"],
    "A redirect to another host, by an address without a scheme": [
        "test_fetch_fault[redirect-other-host-no-scheme]"
    ],
    "A redirect to https on a port that is not 443": [
        "test_image_fault[redirect-https-other-port]"
    ],
    "A redirect to a `file:` address": ["test_image_fault[redirect-file]"],
    "A redirect to an address with a user name and password": [
        "test_image_fault[redirect-password]"
    ],
    "Query: status 404": ["test_query_fault[404]"],
    "Query: status 500": ["test_query_fault[500]", "test_query_fault_that_passes[500]"],
    "Query: status 503": ["test_query_fault[503]", "test_query_fault_that_passes[503]"],
    "Query: connection reset": ["test_query_fault[reset]", "test_query_fault_that_passes[reset]"],
    "Query: the reply breaks off in the middle": [
        "test_query_fault[cut-chunked]",
        "test_query_fault_that_passes[cut-chunked]",
    ],
    "Query: the reply stalls": ["test_query_fault[stall]", "test_query_fault_that_passes[stall]"],
    "Query: the reply is compressed, which was not asked for": ["test_query_fault[gzip-encoded]"],
    "Query: a reply without an end": ["test_query_fault[huge]"],
    "Query: a redirect off the archive's own host, scheme and port": [
        "test_query_fault[redirect-other-port]"
    ],
    "Query: a redirect back to itself": ["test_query_fault[redirect-loop]"],
    "A maintenance page with status 200": ["test_query_fault[maintenance-page]"],
    "Text that is not JSON": ["test_query_fault[not-json]"],
    "Query: status 200 and no byte": [
        "test_query_fault[empty]",
        "test_query_fault_that_passes[empty]",
    ],
    "Half a reply; no length was given": ["test_query_fault[cut-without-length]"],
    "Brackets in brackets, a million deep": ["test_query_fault[nested-without-end]"],
    "`NaN` for a number": ["test_query_fault[nan]"],
    "A number too large for a float": ["test_query_fault[infinity]"],
    "An integer of 10,000 digits": ["test_query_fault[number-of-10000-digits]"],
    "JSON that is not RMA's envelope": ["test_query_fault[a-list]"],
    "Rows that are not objects": ["test_query_fault[rows-that-are-none]"],
    "RMA's own failure: `success` is false": ["test_query_fault[error-envelope]"],
    "A page with fewer rows than it promises": [
        "test_query_fault[short-page]",
        "test_query_fault_that_passes[short-page]",
    ],
    "A total that changes from page to page": [
        "test_query_fault[total-that-changes]",
        "test_query_fault_that_passes[total-that-changes]",
    ],
    "A total larger than one specimen can have": ["test_query_fault[total-too-large]"],
    "A total that is not a number": ["test_query_fault[total-no-number]"],
    "The same image twice": ["test_query_fault[duplicate-rows]"],
    "Projections of another specimen": ["test_query_fault[another-specimens-projections]"],
    "Planes of more than one data set": ["test_query_fault[another-specimens-plane]"],
    "A plane that names neither specimen nor data set": ["test_query_fault[nobodys-plane]"],
    "No image of the specimen, or an unknown id": ["test_no_rows"],
    "A query fails where the stack was packed before": [
        "test_a_query_fault_leaves_a_packed_stack_alone"
    ],
    "A value that makes no sense, in a field that decides something": [
        "test_hostile_value_is_refused"
    ],
    "A row without a field that decides something": ["test_missing_value_is_refused"],
    "A value that makes no sense, in a field that only describes": [
        "test_facts_that_make_no_sense_are_left_out"
    ],
    "A hostile `path`, or unknown keys": ["test_hostile_values_are_carried"],
    "A row, or all rows of a stack, longer than any stack has": [
        "packing/test_hostile_replies.py::test_rows_that_are_longer_than_any_stack_has_leave_nothing_behind",
        "packing/test_hostile_replies.py::test_many_rows_of_a_length_that_each_may_have",
    ],
    "A row with lists or objects more than 20 deep": ["test_deeply_nested_row"],
    "Every image fails with a transient error": ["test_circuit_breaker"],
    "Every image is a 404": ["test_refusals_of_its_own_do_not_break_the_circuit"],
    "A transient status": ["test_status_that_heals"],
    "A permanent status, even with `Retry-After`": ["test_status_that_does_not_heal"],
    "A `Retry-After` of a day, or of the year 9999": ["test_retry_after_is_capped"],
    "A `Retry-After` that cannot be read": ["test_retry_after_that_says_nothing"],
    "A redirect to the right place, with a body without an end": [
        "test_redirect_with_an_endless_body"
    ],
    "Many transient errors, each once, in one run": ["test_many_faults_that_pass_in_one_run"],
    "A tenth of 300 requests fails at random": ["test_soak"],
    "A failure with `--on-failure stop`": ["test_stopping_at_the_first_failure"],
    "A failure with `--on-failure stop`, while other images go into git-annex": [
        "test_stopping_at_a_failure_while_others_go_in"
    ],
    "A program that reads the results stops reading": [
        "test_a_consumer_that_leaves_while_images_go_in"
    ],
    "git-annex does not take one image": ["test_one_image_that_git_annex_does_not_take"],
    "Any failure, at the command line": ["test_exit_status_and_one_line"],
    "The disk is full in the middle of a run": [
        "packing/test_full_disk.py::test_after_a_full_disk_the_same_command_goes_on",
        "commands/test_interruption.py::test_a_full_disk_ends_the_run_in_one_line_and_the_next_one_finishes_it",
    ],
    "The branch `git-annex`, with its records, is checked out": [
        "annex/test_users_repository.py::test_nothing_is_committed_to_the_records_of_git_annex",
    ],
    "git does not know whose commit it would be": [
        "annex/test_users_settings.py::test_without_a_committer_nothing_is_downloaded",
    ],
    "git-annex waits for room on a full disk, which it does without a word": [
        "packing/test_full_disk.py::test_a_git_annex_that_waits_for_room_is_ended_and_what_was_validated_is_kept",
    ],
    "git or git-annex does not answer (stopped, or stuck)": [
        "annex/test_process.py::test_a_command_that_stops_is_ended",
        "annex/test_process.py::test_a_git_annex_that_stops_ends_the_run_and_the_next_one_finishes_it",
    ],
    "Ctrl-C while git or git-annex hangs": [
        "annex/test_process.py::test_after_a_signal_it_is_ended_soon",
    ],
    "Another git holds the index": [
        "annex/test_process.py::test_a_locked_index_is_waited_for",
        "annex/test_process.py::test_an_index_that_stays_locked_is_an_error_that_does_not_advise_to_remove_it",
    ],
    "It holds the index just after our commit": [
        "packing/test_users_files.py::test_a_commit_that_the_index_cannot_follow_is_made_up_for",
    ],
    "`git annex whereis` fails": [
        "packing/test_strange_places.py::test_a_key_that_git_annex_tells_nothing_of_is_not_taken_for_absent",
    ],
    "A slow lock, as on network file systems (`annex.pidlock`)": [
        "annex/test_add_files.py::test_under_a_pid_lock_the_two_git_annex_take_turns",
    ],
    "Every file is executable (vfat, exFAT, NTFS)": [
        "annex/test_users_repository.py::test_files_that_are_all_executable_are_known_as_annexed",
    ],
    "You write a file where an image belongs, during a run": [
        "packing/test_users_files.py::test_a_file_that_a_user_writes_during_the_run_stays_and_is_named",
    ],
    "You edit or stage `manifest.json`, before or during a run": [
        "packing/test_users_files.py::test_a_manifest_that_somebody_staged_stays_staged",
        "packing/test_users_files.py::test_a_manifest_that_a_user_writes_during_the_run_stays",
        "packing/test_users_files.py::test_an_edit_of_the_manifest_that_is_not_committed_is_refused_before_anything",
    ],
    "You edit an image, and the archive has another one (`--accept-changed`)": [
        "packing/test_users_files.py::test_an_edited_image_is_not_replaced_by_what_the_archive_serves_now",
    ],
    "A merge, rebase, cherry-pick, revert, `git am` or bisection is under way": [
        "annex/test_users_repository.py::test_nothing_is_concluded_that_is_under_way",
    ],
    "A subdataset that is not here, or a removed file, where the stack belongs": [
        "annex/test_users_repository.py::test_an_absent_subdataset_is_not_replaced_by_files",
        "annex/test_users_repository.py::test_a_tracked_file_of_that_name_is_not_replaced_though_it_was_removed",
    ],
    "`planes/` is a subdataset of its own": [
        "annex/test_users_repository.py::test_planes_that_are_a_subdataset_are_refused",
    ],
    "A recorded file cannot be restored, as under a sparse checkout": [
        "packing/test_users_files.py::test_what_was_recorded_and_cannot_be_restored_stays_recorded",
    ],
    "You move the dataset, or the stack in it, during a run": [
        "packing/test_strange_places.py::test_a_stack_that_is_moved_during_a_run_ends_it_in_one_line",
        "packing/test_strange_places.py::test_nor_does_one_that_is_moved_within_its_dataset",
    ],
    "`--into` a directory among the images of another stack": [
        "packing/test_strange_places.py::test_no_stack_goes_among_the_files_of_another",
    ],
    "The current directory is in a bare repository": [
        "annex/test_users_repository.py::test_a_bare_repository_gets_no_dataset_into_it",
    ],
    "A manifest that cannot be read: cut short, in conflict, too deep, too long, a link, annexed": [
        "checking/test_which_stacks.py::test_a_manifest_that_cannot_be_read_is_an_error",
        "checking/test_which_stacks.py::test_update_refuses_it_and_add_makes_no_stack_in_the_stack",
    ],
    "`sha256` or `bytes` that do not agree with `key`": [
        "checking/test_which_stacks.py::test_what_a_schema_cannot_say_is_one_finding_and_nothing_is_cited",
    ],
    "The manifest names another archive": [
        "checking/test_which_stacks.py::test_an_address_that_only_the_manifest_names_is_not_asked",
    ],
    "`.git/stackpack` is a link to elsewhere": [
        "annex/test_lock.py::test_a_directory_of_ours_that_is_a_link_is_not_followed",
    ],
    "A link in the place of an image that leads out of the annex": [
        "packing/test_strange_places.py::test_a_link_that_leads_out_of_the_annex_is_no_annexed_file",
    ],
    "Names of directories and remotes with escape codes": [
        "packing/test_strange_places.py::test_no_name_of_a_directory_sends_the_terminal_a_command",
    ],
    "A key with a line end": [
        "annex/test_process.py::test_two_lines_in_one_are_not_sent",
    ],
    "An image that claims more than its bytes can hold, or has hundreds of scans": [
        "archive/test_jpeg_damage.py::test_a_bomb_is_damage_and_takes_neither_time_nor_memory",
    ],
    "A scan that was damaged before it was packed": [
        "checking/test_content.py::test_a_scan_that_was_damaged_before_it_was_recorded_is_found",
    ],
}
