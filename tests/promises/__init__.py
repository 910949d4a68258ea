"""What mirrorfold promises, a file for each kind; every test breaks a promise on purpose (in words: docs/promises.md).

A copy that will still be there
  test_places_that_last.py   no plan relies on bins, snapshots, links, doors or the quarantine's own place
  test_earlier_plans.py      no plan keeps what an earlier one names, until that is taken back
  test_lists_in_hands.py     a list that was handed out binds every later plan; one plan of a line is in force
  test_lifecycle.py          the copy that a rule will delete is never the one that is kept
  test_doors.py              one disk through two doors is no pair of copies
  test_rot_and_recheck.py    every counted copy is looked up again, and each named one read
  test_rot_in_audits.py      audits read a share again, and report bytes that changed unseen
What belongs together, and what people say
  test_together.py           packages, page runs, files beside pictures
  test_lists.py              hold lists and catalogues mean what their lines mean
  test_people.py             one person is one voice
  test_partner.py            a packed side speaks for itself alone
  test_signed.py             a sign-off binds all that the lists are made from
  test_secrets.py            no secret is written down
And all at once
  test_histories.py          whatever comes one after the other, nothing is lost
"""
