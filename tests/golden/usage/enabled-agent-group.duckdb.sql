WITH "t9" AS (
  SELECT
    "t4"."key",
    "t5"."at",
    "t5"."period",
    (
      "t4"."key" * 3
    ) + "t5"."position" + 1 AS "cell"
  FROM "passed_in_1" AS "t4"
  CROSS JOIN "passed_in_2" AS "t5"
), "t16" AS (
  SELECT
    "t14"."key",
    "t14"."since",
    MAX("t14"."until") OVER (
      PARTITION BY "t14"."key", "t14"."seat"
      ORDER BY "t14"."since" ASC, "t14"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 preceding
    ) AS "before",
    MAX("t14"."until") OVER (
      PARTITION BY "t14"."key", "t14"."seat"
      ORDER BY "t14"."since" ASC, "t14"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS "latest",
    LEAD("t14"."since") OVER (
      PARTITION BY "t14"."key", "t14"."seat"
      ORDER BY "t14"."since" ASC, "t14"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS "following"
  FROM (
    SELECT
      "t11"."key",
      "t11"."member" AS "seat",
      GREATEST("t11"."since", 1788220800) AS "since",
      LEAST("t11"."until", 1788228000) AS "until"
    FROM (
      SELECT
        "t8"."tenant",
        "t8"."group",
        "t8"."member",
        "t8"."since",
        "t8"."until",
        "t6"."key"
      FROM (
        SELECT
          "t2"."tenant",
          "t2"."name" AS "group",
          "t2"."detail" AS "member",
          "t2"."since",
          COALESCE("t2"."until", 8589934592) AS "until"
        FROM "configuration" AS "t2"
        WHERE
          "t2"."kind" = 'agent-group'
      ) AS "t8"
      INNER JOIN "passed_in_3" AS "t6"
        ON "t8"."tenant" = "t6"."tenant" AND "t8"."group" = "t6"."group"
    ) AS "t11"
    WHERE
      "t11"."member" <> ''
      AND GREATEST("t11"."since", 1788220800) < LEAST("t11"."until", 1788228000)
  ) AS "t14"
)
SELECT
  "t28"."key",
  "t28"."period",
  "t28"."found" >> 34 AS "peak",
  CASE
    WHEN (
      "t28"."found" >> 34
    ) > 0
    THEN (
      (
        (
          "t28"."found" & 17179869183
        ) + 1788220800
      ) - 1
    ) - (
      (
        (
          (
            "t28"."found" & 17179869183
          ) + 1788220800
        ) - 1
      ) % 1
    )
    ELSE CAST(NULL AS BIGINT)
  END AS "last"
FROM (
  SELECT
    "t27"."key",
    "t27"."period",
    MAX("t27"."found") AS "found"
  FROM (
    SELECT
      "t26"."cell",
      "t26"."found",
      "t13"."key",
      "t13"."at",
      "t13"."period"
    FROM (
      SELECT
        "t24"."cell",
        MAX("t24"."found") AS "found"
      FROM (
        SELECT
          "t23"."before" >> 32 AS "cell",
          (
            (
              "t23"."before" & 4294967295
            ) << 34
          ) | (
            (
              "t23"."event" >> 2
            ) & 17179869183
          ) AS "found"
        FROM (
          SELECT
            "t22"."event",
            "t22"."change",
            SUM("t22"."change") OVER (ORDER BY "t22"."event" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - "t22"."change" AS "before"
          FROM (
            SELECT
              "t21"."event",
              CASE
                WHEN (
                  "t21"."event" & 3
                ) = 2
                THEN 1
                WHEN (
                  "t21"."event" & 3
                ) = 0
                THEN -1
                ELSE 4294967296
              END AS "change"
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      "t17"."key" * 68719476736
                    ) + (
                      (
                        "t17"."since" - 1788220800
                      ) * 4
                    ) + 2 AS "event"
                  FROM "t16" AS "t17"
                  WHERE
                    (
                      "t17"."before" IS NULL
                    ) OR (
                      "t17"."since" > "t17"."before"
                    )
                ) AS "t18"
                UNION ALL
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      "t17"."key" * 68719476736
                    ) + (
                      (
                        "t17"."latest" - 1788220800
                      ) * 4
                    ) + 0 AS "event"
                  FROM "t16" AS "t17"
                  WHERE
                    (
                      "t17"."following" IS NULL
                    ) OR (
                      "t17"."following" > "t17"."latest"
                    )
                ) AS "t19"
              ) AS "t20"
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  (
                    "t10"."key" * 68719476736
                  ) + (
                    (
                      "t10"."at" - 1788220800
                    ) * 4
                  ) + 1 AS "event"
                FROM "t9" AS "t10"
              ) AS "t15"
            ) AS "t21"
          ) AS "t22"
        ) AS "t23"
      ) AS "t24"
      GROUP BY
        1
    ) AS "t26"
    INNER JOIN (
      SELECT
        *
      FROM "t9" AS "t10"
      WHERE
        "t10"."period" >= 0
    ) AS "t13"
      ON "t26"."cell" = "t13"."cell"
  ) AS "t27"
  GROUP BY
    1,
    2
) AS "t28"
