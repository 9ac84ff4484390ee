-- Has the index by position know the newest pages of the log, which otherwise only a vacuum does.
SELECT brin_summarize_new_values('variance_data.messages_by_position')
